package io.whimbrel.server.flight;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BitVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.LargeVarCharVector;
import org.apache.arrow.vector.TimeStampVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/// Reads one cell of a column as a payload value. Chosen once for each column by its type; the cell
/// must not be null.
///
/// [IpcMessages] has checked that offsets rise and stay within what they point into.
@FunctionalInterface
interface ValueReader {
  String SUPPORTED =
      "null, bool, int8 to int64, uint8 to uint32, float32, float64, utf8, large_utf8,"
          + " timestamp with a time zone, list or struct of these";

  Value read(FieldVector column, int row, Budget budget);

  /// What is left of the values that one batch may hold; lists of nothing take no bytes on the
  /// wire.
  final class Budget {
    private final int max;
    private long left;

    Budget(int max) {
      this.max = max;
      this.left = max;
    }

    void take(long count) {
      left -= count;
      if (left < 0) {
        throw WhimbrelException.of(
            ErrorCode.LIMIT_EXCEEDED, "payload", "more values", "up to " + max + " in one batch");
      }
    }
  }

  /// The reader of `field`'s type. Refuses types that no payload value can hold exactly.
  static ValueReader of(Field field) {
    return switch (field.getType()) {
      case ArrowType.Bool _ ->
          (column, row, _) -> new Value.BoolValue(((BitVector) column).get(row) != 0);
      case ArrowType.Int type when type.getIsSigned() || type.getBitWidth() < 64 ->
          (column, row, _) -> new Value.IntValue(((BaseIntVector) column).getValueAsLong(row));
      case ArrowType.FloatingPoint type when type.getPrecision() == FloatingPointPrecision.SINGLE ->
          (column, row, _) -> new Value.DoubleValue(((Float4Vector) column).get(row));
      case ArrowType.FloatingPoint type when type.getPrecision() == FloatingPointPrecision.DOUBLE ->
          (column, row, _) -> new Value.DoubleValue(((Float8Vector) column).get(row));
      case ArrowType.Utf8 _, ArrowType.LargeUtf8 _ ->
          (column, row, _) -> new Value.StringValue(text(column, row));
      case ArrowType.Timestamp type -> timestamp(field, type);
      case ArrowType.List _ -> list(field);
      case ArrowType.Struct _ -> struct(field);
      case ArrowType.Null _ -> (_, _, _) -> Value.NullValue.INSTANCE;
      default -> throw unsupported(field, SUPPORTED);
    };
  }

  private static ValueReader timestamp(Field field, ArrowType.Timestamp type) {
    if (type.getTimezone() == null || type.getTimezone().isEmpty()) {
      throw unsupported(field, "a timestamp with a time zone, for example UTC");
    }
    long perSecond =
        switch (type.getUnit()) {
          case SECOND -> 1;
          case MILLISECOND -> 1_000;
          case MICROSECOND -> 1_000_000;
          case NANOSECOND -> 1_000_000_000;
        };
    return (column, row, _) -> {
      long ticks = ((TimeStampVector) column).get(row);
      long nanos = Math.floorMod(ticks, perSecond) * (1_000_000_000 / perSecond);
      long seconds = Math.floorDiv(ticks, perSecond);
      if (seconds < Instant.MIN.getEpochSecond() || seconds > Instant.MAX.getEpochSecond()) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT, "timestamp", seconds + " s", "years 0001 to 9999");
      }
      return new Value.TimestampValue(Instant.ofEpochSecond(seconds, nanos));
    };
  }

  private static ValueReader list(Field field) {
    ValueReader element = of(field.getChildren().getFirst());
    return (column, row, budget) -> {
      ListVector lists = (ListVector) column;
      FieldVector elements = lists.getDataVector();
      int start = lists.getElementStartIndex(row);
      int end = lists.getElementEndIndex(row);
      budget.take(end - start);
      List<Value> values = new ArrayList<>(end - start);
      for (int i = start; i < end; i++) {
        values.add(
            elements.isNull(i) ? Value.NullValue.INSTANCE : element.read(elements, i, budget));
      }
      return new Value.ListValue(values);
    };
  }

  private static ValueReader struct(Field field) {
    List<Field> children = field.getChildren();
    Set<String> names = new HashSet<>();
    List<ValueReader> readers = new ArrayList<>(children.size());
    for (Field child : children) {
      if (!names.add(child.getName())) {
        throw unsupported(field, "a struct that names \"" + child.getName() + "\" once");
      }
      readers.add(of(child));
    }
    return (column, row, budget) -> {
      List<FieldVector> columns = ((StructVector) column).getChildrenFromFields();
      budget.take(columns.size());
      Map<String, Value> fields = HashMap.newHashMap(columns.size());
      for (int i = 0; i < columns.size(); i++) {
        if (!columns.get(i).isNull(row)) {
          fields.put(children.get(i).getName(), readers.get(i).read(columns.get(i), row, budget));
        }
      }
      return new Value.ObjectValue(fields);
    };
  }

  /// Text of a Utf8 or LargeUtf8 cell; bytes that are not UTF-8 are refused, since they could not
  /// be given back.
  static String text(FieldVector column, int row) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes(column, row)).toString();
    } catch (CharacterCodingException e) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "text", "not valid UTF-8", e);
    }
  }

  /// A view of the bytes of a text or binary cell, good until the column is closed.
  static ByteBuffer bytes(FieldVector column, int row) {
    return switch (column) {
      case VarCharVector v -> bytes(v.getOffsetBuffer(), v.getDataBuffer(), row);
      case VarBinaryVector v -> bytes(v.getOffsetBuffer(), v.getDataBuffer(), row);
      case LargeVarCharVector v -> {
        long start = v.getOffsetBuffer().getLong(8L * row);
        long end = v.getOffsetBuffer().getLong(8L * row + 8);
        yield v.getDataBuffer().nioBuffer(start, Math.toIntExact(end - start));
      }
      default -> throw new IllegalStateException("not a text column: " + column.getField());
    };
  }

  private static ByteBuffer bytes(ArrowBuf offsets, ArrowBuf data, int row) {
    int start = offsets.getInt(4L * row);
    return data.nioBuffer(start, offsets.getInt(4L * row + 4) - start);
  }

  static WhimbrelException unsupported(Field field, String expected) {
    return WhimbrelException.of(
        ErrorCode.INVALID_ARGUMENT, field.getName(), "column type " + field.getType(), expected);
  }
}
