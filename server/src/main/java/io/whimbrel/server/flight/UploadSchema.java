package io.whimbrel.server.flight;

import com.google.protobuf.InvalidProtocolBufferException;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionInfo.FieldInfo;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.ObjectValue;
import io.whimbrel.server.wire.ValueWire;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/// What each column of an upload means for one collection: decided, and refused, before the first
/// row is read.
///
/// Immutable. A refusal of a cell names column and row: `price[17]`.
final class UploadSchema {
  private final Schema schema;
  private final List<Column> columns;

  /// One column's meaning; the order in [#columns] is that of the schema.
  private sealed interface Column {
    String name();

    /// Reads `row` into `point`; the cell is not null.
    void read(FieldVector cells, int row, PointBuilder point, ValueReader.Budget budget);

    default void readNull(PointBuilder point) {}

    record Id(String name, boolean text) implements Column {
      @Override
      public void read(FieldVector cells, int row, PointBuilder point, ValueReader.Budget budget) {
        point.id(text ? PointId.of(ValueReader.text(cells, row)) : PointId.of(number(cells, row)));
      }

      private static long number(FieldVector cells, int row) {
        long number = ((BaseIntVector) cells).getValueAsLong(row);
        boolean signed = ((ArrowType.Int) cells.getField().getType()).getIsSigned();
        if (signed && number < 0) {
          throw refused(ErrorCode.INVALID_ID, number, "an unsigned number");
        }
        return number;
      }
    }

    record IfSeq(String name) implements Column {
      @Override
      public void read(FieldVector cells, int row, PointBuilder point, ValueReader.Budget budget) {
        long seq = ((BaseIntVector) cells).getValueAsLong(row);
        if (seq < 0) {
          throw refused(ErrorCode.INVALID_ARGUMENT, seq, "a sequence number");
        }
        point.ifSeq = OptionalLong.of(seq);
      }
    }

    /// Says when an exported point was read; a write has no use for it.
    record Seq(String name) implements Column {
      @Override
      public void read(FieldVector cells, int row, PointBuilder point, ValueReader.Budget budget) {}
    }

    record Payload(String name) implements Column {
      @Override
      public void read(FieldVector cells, int row, PointBuilder point, ValueReader.Budget budget) {
        try {
          ObjectValue object = ObjectValue.parseFrom(ValueReader.bytes(cells, row));
          ValueWire.object(object).forEach(point::value);
        } catch (InvalidProtocolBufferException e) {
          throw WhimbrelException.of(
              ErrorCode.INVALID_ARGUMENT, "", "not a whimbrel.v1.ObjectValue", e);
        }
      }
    }

    record Cell(String name, String key, ValueReader reader) implements Column {
      @Override
      public void read(FieldVector cells, int row, PointBuilder point, ValueReader.Budget budget) {
        budget.take(1);
        point.value(key, reader.read(cells, row, budget));
      }
    }

    record Embedding(String name, String field, boolean multi, boolean nullable, String spaceId)
        implements Column {
      @Override
      public void read(FieldVector cells, int row, PointBuilder point, ValueReader.Budget budget) {
        int start = multi ? ((ListVector) cells).getElementStartIndex(row) : row;
        int rows = multi ? ((ListVector) cells).getElementEndIndex(row) - start : 1;
        FixedSizeListVector lists =
            (FixedSizeListVector) (multi ? ((ListVector) cells).getDataVector() : cells);
        if (rows == 0) {
          throw refused(ErrorCode.INVALID_ARGUMENT, "no rows", "at least one");
        }
        point.vectors.put(field, new Vector(floats(lists, start, rows), rows, spaceId));
      }

      private static float[] floats(FixedSizeListVector lists, int start, int rows) {
        Float4Vector values = (Float4Vector) lists.getDataVector();
        int dimension = lists.getListSize();
        long first = (long) start * dimension;
        // Before the array is made: the values are there, so the array is no bigger than what came.
        values.getDataBuffer().checkBytes(4 * first, 4 * (first + (long) rows * dimension));
        int count = rows * dimension;
        for (int i = 0; i < rows; i++) {
          if (lists.isNull(start + i)) {
            throw refused(ErrorCode.INVALID_ARGUMENT, "null in row " + i, "a vector");
          }
        }
        // Cell by cell: Arrow counts the nulls of the whole column at each call.
        for (int i = 0; i < count; i++) {
          if (values.isNull((int) first + i)) {
            throw refused(ErrorCode.INVALID_ARGUMENT, "null at " + i, "a number");
          }
        }
        float[] floats = new float[count];
        values
            .getDataBuffer()
            .nioBuffer(4 * first, 4 * count)
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer()
            .get(floats);
        return floats;
      }

      @Override
      public void readNull(PointBuilder point) {
        if (!nullable) {
          throw refused(
              ErrorCode.INVALID_ARGUMENT,
              "null",
              "a vector; a column with metadata "
                  + Columns.NULLS
                  + "="
                  + Columns.NULLS_ABSENT
                  + " may leave it out");
        }
      }
    }
  }

  private static final class PointBuilder {
    private OptionalLong ifSeq = OptionalLong.empty();
    private final List<PointId> ids = new ArrayList<>(1);
    private final Map<String, Value> payload = new HashMap<>();
    private final Map<String, Vector> vectors = new HashMap<>();

    void id(PointId id) {
      ids.add(id);
    }

    void value(String key, Value value) {
      if (payload.putIfAbsent(key, value) != null) {
        throw refused(
            ErrorCode.INVALID_ARGUMENT, '"' + key + "\" again", "each payload field once");
      }
    }

    PointWrite build() {
      if (ids.size() != 1) {
        throw refused(
            ErrorCode.INVALID_ID, ids.isEmpty() ? "no id" : "two ids", "one of id and id_number");
      }
      return new PointWrite(ids.getFirst(), payload, vectors, ifSeq);
    }
  }

  private UploadSchema(Schema schema, List<Column> columns) {
    this.schema = schema;
    this.columns = columns;
  }

  /// Refuses columns that have no meaning for `collection`, and a schema without an id.
  static UploadSchema of(Schema schema, CollectionInfo collection) {
    List<Column> columns = new ArrayList<>();
    Set<String> seen = new HashSet<>();
    boolean id = false;
    for (Field field : schema.getFields()) {
      if (!seen.add(field.getName())) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "schema",
            '"' + field.getName() + "\" twice",
            "each column once");
      }
      Column column = column(field, collection);
      id |= column instanceof Column.Id;
      columns.add(column);
    }
    if (!id) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, Columns.ID, "no such column", "utf8, uint64 or int64");
    }
    return new UploadSchema(schema, List.copyOf(columns));
  }

  Schema schema() {
    return schema;
  }

  private static Column column(Field field, CollectionInfo collection) {
    String name = field.getName();
    return switch (name) {
      case Columns.ID -> {
        boolean text = isText(field);
        if (!text && !isInt(field)) {
          throw ValueReader.unsupported(
              field, "utf8, uint64 or another integer that is not negative");
        }
        yield new Column.Id(name, text);
      }
      case Columns.ID_NUMBER, Columns.IF_SEQ, Columns.SEQ -> {
        if (!isInt(field)) {
          throw ValueReader.unsupported(field, "uint64");
        }
        yield switch (name) {
          case Columns.ID_NUMBER -> new Column.Id(name, false);
          case Columns.IF_SEQ -> new Column.IfSeq(name);
          default -> new Column.Seq(name);
        };
      }
      case Columns.PAYLOAD -> {
        if (!(field.getType() instanceof ArrowType.Binary)) {
          throw ValueReader.unsupported(field, "binary, each cell a whimbrel.v1.ObjectValue");
        }
        yield new Column.Payload(name);
      }
      case Columns.VECTOR -> embedding(field, FieldSpec.DEFAULT_NAME, collection);
      default -> {
        if (name.startsWith(Columns.VECTOR_PREFIX)) {
          yield embedding(field, name.substring(Columns.VECTOR_PREFIX.length()), collection);
        }
        String key =
            name.startsWith(Columns.PAYLOAD_PREFIX)
                ? name.substring(Columns.PAYLOAD_PREFIX.length())
                : name;
        yield new Column.Cell(name, key, reader(field));
      }
    };
  }

  private static ValueReader reader(Field field) {
    try {
      return ValueReader.of(field);
    } catch (WhimbrelException e) {
      boolean nested = !e.field().equals(field.getName());
      throw nested ? FlightErrors.within(field.getName() + ".", e) : e;
    }
  }

  private static Column embedding(Field column, String name, CollectionInfo collection) {
    FieldInfo field =
        collection.fields().stream()
            .filter(f -> f.name().equals(name))
            .findFirst()
            .orElseThrow(() ->
                WhimbrelException.of(
                    ErrorCode.UNKNOWN_FIELD,
                    column.getName(),
                    '"' + name + '"',
                    "a vector field of collection \"" + collection.name() + '"'));
    boolean multi = column.getType() instanceof ArrowType.List;
    Field row = multi ? column.getChildren().getFirst() : column;
    boolean floats =
        row.getType() instanceof ArrowType.FixedSizeList
            && row.getChildren().getFirst().getType() instanceof ArrowType.FloatingPoint type
            && type.getPrecision() == FloatingPointPrecision.SINGLE;
    List<EmbeddingSpec> specs =
        field.versions().stream()
            .filter(v -> field.writeSet().contains(v.number()))
            .map(v -> v.spec())
            .toList();
    boolean cardinality =
        specs.stream().anyMatch(s -> (s.cardinality() == Cardinality.MULTI) == multi);
    String expected = String.join(" or ", specs.stream().map(UploadSchema::typeName).toList());
    if (!floats || !cardinality) {
      throw ValueReader.unsupported(column, expected);
    }
    int dimension = ((ArrowType.FixedSizeList) row.getType()).getListSize();
    if (specs.stream().noneMatch(s -> s.dimension() == dimension)) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          column.getName(),
          "list size " + dimension,
          expected + ", collection \"" + collection.name() + '"');
    }
    return new Column.Embedding(
        column.getName(),
        name,
        multi,
        Columns.NULLS_ABSENT.equals(column.getMetadata().get(Columns.NULLS)),
        column.getMetadata().getOrDefault(Columns.SPACE_ID, ""));
  }

  private static String typeName(EmbeddingSpec spec) {
    String row = "fixed_size_list<float32>[" + spec.dimension() + "]";
    return spec.cardinality() == Cardinality.MULTI ? "list<" + row + ">" : row;
  }

  private static boolean isText(Field field) {
    return field.getType() instanceof ArrowType.Utf8
        || field.getType() instanceof ArrowType.LargeUtf8;
  }

  private static boolean isInt(Field field) {
    return field.getType() instanceof ArrowType.Int;
  }

  /// All rows of `root` as writes, in order. Copies everything: nothing points into Arrow memory
  /// afterwards.
  List<PointWrite> read(VectorSchemaRoot root, int valuesMax) {
    ValueReader.Budget budget = new ValueReader.Budget(valuesMax);
    List<PointWrite> points = new ArrayList<>(root.getRowCount());
    for (int row = 0; row < root.getRowCount(); row++) {
      points.add(point(root, row, budget));
    }
    return points;
  }

  private PointWrite point(VectorSchemaRoot root, int row, ValueReader.Budget budget) {
    PointBuilder point = new PointBuilder();
    String name = Columns.ID;
    try {
      for (int i = 0; i < columns.size(); i++) {
        Column column = columns.get(i);
        name = column.name();
        FieldVector cells = root.getVector(i);
        if (cells.isNull(row)) {
          column.readNull(point);
        } else {
          column.read(cells, row, point, budget);
        }
      }
      name = Columns.ID;
      return point.build();
    } catch (WhimbrelException e) {
      throw FlightErrors.within(name + "[" + row + "]" + (e.field().isEmpty() ? "" : "."), e);
    }
  }

  private static WhimbrelException refused(ErrorCode code, Object value, String expected) {
    return WhimbrelException.of(code, "", value, expected);
  }
}
