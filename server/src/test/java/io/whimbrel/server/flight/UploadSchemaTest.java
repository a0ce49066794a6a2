package io.whimbrel.server.flight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.memory.unsafe.UnsafeAllocationManager;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.SmallIntVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.TinyIntVector;
import org.apache.arrow.vector.UInt1Vector;
import org.apache.arrow.vector.UInt2Vector;
import org.apache.arrow.vector.UInt4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class UploadSchemaTest {
  private static final ArrowType TEXT = new ArrowType.Utf8();
  private static final ArrowType UINT64 = new ArrowType.Int(64, false);
  private static final ArrowType FLOAT32 =
      new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);

  private final BufferAllocator allocator =
      new RootAllocator(
          RootAllocator.configBuilder()
              .allocationManagerFactory(UnsafeAllocationManager.FACTORY)
              .build());

  @AfterEach
  void nothingIsHeld() {
    allocator.close();
  }

  private record Column(Field field, Consumer<FieldVector> fill) {}

  private static Field field(String name, ArrowType type, Field... children) {
    return new Field(name, FieldType.nullable(type), List.of(children));
  }

  private static Column column(Field field, Consumer<FieldVector> fill) {
    return new Column(field, fill);
  }

  private static Column ids(int rows) {
    return column(
        field("id", UINT64),
        v -> {
          for (int i = 0; i < rows; i++) {
            ((UInt8Vector) v).setSafe(i, i);
          }
        });
  }

  private List<PointWrite> read(int rows, Column... columns) {
    List<Field> fields = new ArrayList<>();
    for (Column column : columns) {
      fields.add(column.field());
    }
    try (VectorSchemaRoot root = VectorSchemaRoot.create(new Schema(fields), allocator)) {
      for (int i = 0; i < columns.length; i++) {
        root.getVector(i).allocateNew();
        columns[i].fill().accept(root.getVector(i));
      }
      root.setRowCount(rows);
      return UploadSchema.of(root.getSchema(), FlightSamples.COLLECTION).read(root, 1_000);
    }
  }

  private Value cell(Field field, Consumer<FieldVector> fill) {
    Map<String, Value> payload = read(1, ids(1), column(field, fill)).getFirst().payload();
    assertThat(payload).containsOnlyKeys(field.getName());
    return payload.values().iterator().next();
  }

  private void refused(ErrorCode code, String field, String message, int rows, Column... columns) {
    assertThatThrownBy(() -> read(rows, columns))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e.field()).isEqualTo(field);
            })
        .hasMessageContaining(message);
  }

  private void refusedType(String name, String expected, Field field) {
    refused(ErrorCode.INVALID_ARGUMENT, name, expected, 1, ids(1), column(field, _ -> {}));
  }

  @Test
  void numbersOfEveryWidthBecomeWholeNumbers() {
    assertThat(cell(field("a", new ArrowType.Int(8, true)), v -> ((TinyIntVector) v).set(0, -128)))
        .isEqualTo(new Value.IntValue(-128));
    assertThat(
            cell(field("a", new ArrowType.Int(16, true)), v -> ((SmallIntVector) v).set(0, -32768)))
        .isEqualTo(new Value.IntValue(-32768));
    assertThat(cell(field("a", new ArrowType.Int(32, true)), v -> ((IntVector) v).set(0, -5)))
        .isEqualTo(new Value.IntValue(-5));
    assertThat(
            cell(
                field("a", new ArrowType.Int(64, true)),
                v -> ((BigIntVector) v).set(0, Long.MIN_VALUE)))
        .isEqualTo(new Value.IntValue(Long.MIN_VALUE));
    assertThat(cell(field("a", new ArrowType.Int(8, false)), v -> ((UInt1Vector) v).set(0, 255)))
        .isEqualTo(new Value.IntValue(255));
    assertThat(cell(field("a", new ArrowType.Int(16, false)), v -> ((UInt2Vector) v).set(0, 65535)))
        .isEqualTo(new Value.IntValue(65535));
    assertThat(cell(field("a", new ArrowType.Int(32, false)), v -> ((UInt4Vector) v).set(0, -1)))
        .isEqualTo(new Value.IntValue(4_294_967_295L));
  }

  @Test
  void otherScalarsKeepTheirKind() {
    assertThat(cell(field("a", new ArrowType.Bool()), v -> ((BitVector) v).set(0, 1)))
        .isEqualTo(new Value.BoolValue(true));
    assertThat(cell(field("a", FLOAT32), v -> ((Float4Vector) v).set(0, 0.5f)))
        .isEqualTo(new Value.DoubleValue(0.5));
    assertThat(
            cell(
                field("a", new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)),
                v -> ((Float8Vector) v).set(0, -0.0)))
        .isEqualTo(new Value.DoubleValue(-0.0));
    assertThat(cell(field("a", TEXT), v -> ((VarCharVector) v).setSafe(0, utf8("é"))))
        .isEqualTo(new Value.StringValue("é"));
    assertThat(
            cell(
                field("a", new ArrowType.LargeUtf8()),
                v -> ((LargeVarCharVector) v).setSafe(0, utf8("é"))))
        .isEqualTo(new Value.StringValue("é"));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @EnumSource(TimeUnit.class)
  void timestampsOfEveryUnitKeepTheirInstant(TimeUnit unit) {
    long ticks = -1;
    Instant expected =
        switch (unit) {
          case SECOND -> Instant.parse("1969-12-31T23:59:59Z");
          case MILLISECOND -> Instant.parse("1969-12-31T23:59:59.999Z");
          case MICROSECOND -> Instant.parse("1969-12-31T23:59:59.999999Z");
          case NANOSECOND -> Instant.parse("1969-12-31T23:59:59.999999999Z");
        };
    assertThat(
            cell(
                field("a", new ArrowType.Timestamp(unit, "UTC")),
                v -> ((TimeStampVector) v).set(0, ticks)))
        .isEqualTo(new Value.TimestampValue(expected));
  }

  @Test
  void timestampsBeyondTheCalendarAreRefused() {
    refused(
        ErrorCode.INVALID_ARGUMENT,
        "a[0].timestamp",
        "9999",
        1,
        ids(1),
        column(
            field("a", new ArrowType.Timestamp(TimeUnit.SECOND, "UTC")),
            v -> ((TimeStampVector) v).set(0, Long.MAX_VALUE)));
  }

  @Test
  void listsAndStructsNest() {
    Field item = field("item", new ArrowType.Int(64, true));
    assertThat(
            cell(
                field("a", new ArrowType.List(), item),
                v -> {
                  ListVector list = (ListVector) v;
                  BigIntVector values = (BigIntVector) list.getDataVector();
                  list.startNewValue(0);
                  values.setSafe(0, 7);
                  values.setNull(1);
                  values.setValueCount(2);
                  list.endValue(0, 2);
                }))
        .isEqualTo(new Value.ListValue(List.of(new Value.IntValue(7), Value.NullValue.INSTANCE)));
    assertThat(
            cell(
                field("a", new ArrowType.Struct(), field("x", TEXT), field("y", TEXT)),
                v -> {
                  StructVector struct = (StructVector) v;
                  struct.setIndexDefined(0);
                  ((VarCharVector) struct.getChild("x")).setSafe(0, utf8("here"));
                }))
        .isEqualTo(new Value.ObjectValue(Map.of("x", new Value.StringValue("here"))));
  }

  @Test
  void aNullCellLeavesTheFieldOut() {
    assertThat(read(1, ids(1), column(field("a", TEXT), _ -> {})).getFirst().payload()).isEmpty();
  }

  @Test
  void thePrefixNamesPayloadFieldsThatHaveReservedNames() {
    assertThat(
            read(
                    1,
                    ids(1),
                    column(
                        field("payload:seq", TEXT), v -> ((VarCharVector) v).setSafe(0, utf8("s"))))
                .getFirst()
                .payload())
        .isEqualTo(Map.of("seq", new Value.StringValue("s")));
  }

  @Test
  void idsAreTextOrNumbersAndExactlyOne() {
    Column texts = column(field("id", TEXT), v -> ((VarCharVector) v).setSafe(0, utf8("7")));
    Column numbers = column(field("id_number", UINT64), v -> ((UInt8Vector) v).setSafe(1, -1));
    assertThat(read(2, texts, numbers).stream().map(PointWrite::id))
        .containsExactly(PointId.of("7"), PointId.of(-1L));
    Column both = column(field("id_number", UINT64), v -> ((UInt8Vector) v).setSafe(0, 1));
    refused(ErrorCode.INVALID_ID, "id[0]", "two ids", 1, texts, both);
    refused(ErrorCode.INVALID_ID, "id[1]", "no id", 2, texts);
    refused(
        ErrorCode.INVALID_ID,
        "id[0]",
        "-1",
        1,
        column(field("id", new ArrowType.Int(64, true)), v -> ((BigIntVector) v).setSafe(0, -1)));
  }

  @Test
  void ifSeqIsTheDemandOfItsRow() {
    List<PointWrite> writes =
        read(2, ids(2), column(field("if_seq", UINT64), v -> ((UInt8Vector) v).setSafe(1, 9)));
    assertThat(writes.getFirst().ifSeq()).isEmpty();
    assertThat(writes.getLast().ifSeq()).hasValue(9);
  }

  @Test
  void columnsWithoutAMeaningAreRefusedByName() {
    refused(
        ErrorCode.INVALID_ARGUMENT, "id", "no such column", 1, column(field("a", TEXT), _ -> {}));
    refused(
        ErrorCode.INVALID_ARGUMENT,
        "schema",
        "\"a\" twice",
        1,
        ids(1),
        column(field("a", TEXT), _ -> {}),
        column(field("a", TEXT), _ -> {}));
    refusedType("u", "uint8 to uint32", field("u", UINT64));
    refusedType("d", "timestamp", field("d", new ArrowType.Date(DateUnit.DAY)));
    refusedType("t", "time zone", field("t", new ArrowType.Timestamp(TimeUnit.SECOND, null)));
    refusedType("l.item", "uint32", field("l", new ArrowType.List(), field("item", UINT64)));
    refusedType("payload", "ObjectValue", field("payload", TEXT));
    refusedType(
        "s",
        "once",
        field("s", new ArrowType.Struct(), field("x", new ArrowType.Null()), field("x", TEXT)));
  }

  @Test
  void vectorColumnsMustBeThoseOfTheCollection() {
    Field item = field("item", FLOAT32);
    Field half = field("item", new ArrowType.FloatingPoint(FloatingPointPrecision.HALF));
    String expected = "fixed_size_list<float32>[5]";
    refusedType("vector", expected, field("vector", new ArrowType.List(), item));
    refusedType("vector", expected, field("vector", new ArrowType.FixedSizeList(5), half));
    refusedType(
        "vector:tokens",
        "list<fixed_size_list<float32>[3]>",
        field("vector:tokens", new ArrowType.FixedSizeList(3), item));
    refused(
        ErrorCode.DIMENSION_MISMATCH,
        "vector",
        "list size 4",
        1,
        ids(1),
        column(field("vector", new ArrowType.FixedSizeList(4), item), _ -> {}));
    refused(
        ErrorCode.UNKNOWN_FIELD,
        "vector:title",
        "title",
        1,
        ids(1),
        column(field("vector:title", new ArrowType.FixedSizeList(5), item), _ -> {}));
  }

  @Test
  void nullsInVectorsAreRefusedUnlessAllowed() {
    Field item = field("item", FLOAT32);
    Field vector = field("vector", new ArrowType.FixedSizeList(5), item);
    refused(
        ErrorCode.INVALID_ARGUMENT,
        "vector[1]",
        "null",
        2,
        ids(2),
        column(vector, v -> set((FixedSizeListVector) v, 0, 5)));
    refused(
        ErrorCode.INVALID_ARGUMENT,
        "vector[0]",
        "null at 3",
        1,
        ids(1),
        column(vector, v -> set((FixedSizeListVector) v, 0, 3)));
    Field mayBeAbsent =
        new Field(
            "vector",
            new FieldType(
                true,
                new ArrowType.FixedSizeList(5),
                null,
                Map.of("whimbrel.nulls", "absent", "whimbrel.space_id", "space")),
            List.of(item));
    List<PointWrite> writes =
        read(2, ids(2), column(mayBeAbsent, v -> set((FixedSizeListVector) v, 0, 5)));
    assertThat(writes.getFirst().vectors())
        .isEqualTo(Map.of("default", List.of(new Vector(new float[] {1, 2, 3, 4, 5}, 1, "space"))));
    assertThat(writes.getLast().vectors()).isEmpty();
  }

  /// Writes the first `count` numbers of the vector in `row`.
  private static void set(FixedSizeListVector lists, int row, int count) {
    lists.setNotNull(row);
    Float4Vector values = (Float4Vector) lists.getDataVector();
    for (int i = 0; i < count; i++) {
      values.setSafe(row * 5 + i, i + 1);
    }
    values.setValueCount((row + 1) * 5);
  }

  @Test
  void textThatIsNotUtf8AndPayloadsThatAreNoObjectAreRefused() {
    byte[] notUtf8 = {(byte) 0xc3, 0x28};
    refused(
        ErrorCode.INVALID_ARGUMENT,
        "a[0].text",
        "UTF-8",
        1,
        ids(1),
        column(field("a", TEXT), v -> ((VarCharVector) v).setSafe(0, notUtf8)));
    refused(
        ErrorCode.INVALID_ARGUMENT,
        "payload[0]",
        "ObjectValue",
        1,
        ids(1),
        column(
            field("payload", new ArrowType.Binary()),
            v -> ((VarBinaryVector) v).setSafe(0, notUtf8)));
  }

  @Test
  void listsOfNothingAreCounted() {
    refused(
        ErrorCode.LIMIT_EXCEEDED,
        "a[0].payload",
        "up to 1000",
        1,
        ids(1),
        column(
            field("a", new ArrowType.List(), field("item", new ArrowType.Null())),
            v -> {
              ListVector list = (ListVector) v;
              list.startNewValue(0);
              list.getDataVector().setValueCount(1_000_000);
              list.endValue(0, 1_000_000);
            }));
  }
}
