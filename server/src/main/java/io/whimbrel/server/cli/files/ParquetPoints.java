package io.whimbrel.server.cli.files;

import dev.hardwood.InputFile;
import dev.hardwood.metadata.LogicalType;
import dev.hardwood.metadata.PhysicalType;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqStruct;
import dev.hardwood.schema.SchemaNode;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.server.cli.json.JsonReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// Rows of a Parquet file: one column of ids, one list column of vectors, all others payload. A
/// list of lists is a matrix of as many rows.
///
/// Payload types: integers become int64, float and double become double, UTC timestamps moments;
/// dates, times, local timestamps and UUIDs become text in ISO form; lists and structs stay lists
/// and objects. A null field is left out. Binary columns without a text type, decimals, maps and
/// intervals have no exact counterpart and are refused.
final class ParquetPoints implements PointReader {
  private static final String ID_COLUMN = "id";

  private final Path file;
  private final ParquetFileReader reader;
  private final RowReader rows;
  private final List<SchemaNode> columns;
  private final int idColumn;
  private final int vectorColumn;
  private final String field;
  private final long idStart;
  private long row;

  ParquetPoints(Path file, ReadingOptions options) throws IOException {
    this.file = file;
    this.reader = openReader(file);
    try {
      this.columns = reader.getFileSchema().getRootNode().children();
      this.vectorColumn = vectorColumn(options.vectorColumn());
      this.idColumn = idColumn(options.idColumn());
      this.field = options.field();
      this.idStart = options.idStart();
      this.rows = openRows(reader, file);
    } catch (IOException | RuntimeException e) {
      reader.close();
      throw e;
    }
  }

  @Override
  public Optional<Point> next() throws IOException {
    try {
      if (!rows.hasNext()) {
        return Optional.empty();
      }
      rows.next();
      Map<String, Value> payload = new LinkedHashMap<>();
      for (int i = 0; i < columns.size(); i++) {
        if (i != idColumn && i != vectorColumn && !rows.isNull(i)) {
          payload.put(columns.get(i).name(), value(rows.getValue(i), columns.get(i)));
        }
      }
      Point point = Point.of(id(), payload, Map.of(field, vector()));
      row++;
      return Optional.of(point);
    } catch (WhimbrelException e) {
      throw FileFormatException.atRow(file, row, String.valueOf(e.getMessage()), "a valid point");
    } catch (RuntimeException e) {
      throw damaged(file, e, "row " + row);
    }
  }

  @Override
  public OptionalLong total() {
    return OptionalLong.of(reader.getFileMetaData().numRows());
  }

  @Override
  public void close() throws IOException {
    rows.close();
    reader.close();
  }

  private static ParquetFileReader openReader(Path file) throws IOException {
    try {
      return ParquetFileReader.open(InputFile.of(file));
    } catch (IOException | RuntimeException e) {
      throw damaged(file, e, "its footer");
    }
  }

  /// Opening the rows already decodes the first pages.
  private static RowReader openRows(ParquetFileReader reader, Path file) throws IOException {
    try {
      return reader.rowReader();
    } catch (RuntimeException e) {
      throw damaged(file, e, "its first rows");
    }
  }

  /// The library says what is wrong with a file by exceptions of several kinds.
  private static FileFormatException damaged(Path file, Exception cause, String where) {
    FileFormatException exception =
        FileFormatException.of(
            file, where + " cannot be read: " + cause.getMessage(), "a whole Parquet file");
    exception.initCause(cause);
    return exception;
  }

  private int vectorColumn(String name) throws FileFormatException {
    List<Integer> candidates = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      if (isVector(columns.get(i)) && (name.isEmpty() || columns.get(i).name().equals(name))) {
        candidates.add(i);
      }
    }
    if (candidates.size() == 1) {
      return candidates.get(0);
    }
    String found = String.join(", ", candidates.stream().map(i -> columns.get(i).name()).toList());
    throw FileFormatException.of(
        file,
        (name.isEmpty() ? "" : "\"" + name + "\" is not a vector column; ")
            + candidates.size()
            + " columns can be the vector"
            + (found.isEmpty() ? "" : " (" + found + ")"),
        "one list of float or double, or of such lists, named by --vector-column");
  }

  private int idColumn(String name) throws FileFormatException {
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).name().equals(name.isEmpty() ? ID_COLUMN : name)) {
        return i;
      }
    }
    if (name.isEmpty()) {
      return -1;
    }
    throw FileFormatException.of(file, "no column \"" + name + '"', "the column of ids");
  }

  private static boolean isVector(SchemaNode column) {
    return isNumbers(column) || isMatrix(column);
  }

  private static boolean isMatrix(SchemaNode column) {
    return column instanceof SchemaNode.GroupNode group
        && group.isList()
        && isNumbers(group.getListElement());
  }

  private static boolean isNumbers(SchemaNode column) {
    return column instanceof SchemaNode.GroupNode group
        && group.isList()
        && group.getListElement() instanceof SchemaNode.PrimitiveNode element
        && (element.type() == PhysicalType.FLOAT || element.type() == PhysicalType.DOUBLE);
  }

  private PointId id() throws FileFormatException {
    if (idColumn < 0) {
      return PointId.of(idStart + row);
    }
    Object value = rows.isNull(idColumn) ? null : rows.getValue(idColumn);
    boolean unsigned = isUnsigned(columns.get(idColumn));
    return switch (value) {
      case String text -> PointId.of(text);
      case UUID uuid -> PointId.of(uuid.toString());
      case Integer number when unsigned -> PointId.of(Integer.toUnsignedLong(number));
      case Integer number when number >= 0 -> PointId.of(number);
      case Long number when unsigned || number >= 0 -> PointId.of(number);
      case null, default ->
          throw FileFormatException.atRow(
              file,
              row,
              "id " + (value instanceof byte[] ? "of raw bytes" : value),
              "text or a number from 0 to 2^64 - 1");
    };
  }

  private Vector vector() throws FileFormatException {
    @Nullable PqList list = rows.isNull(vectorColumn) ? null : rows.getList(vectorColumn);
    return isMatrix(columns.get(vectorColumn)) ? matrix(list) : Vector.of(numbers(list));
  }

  private Vector matrix(@Nullable PqList list) throws FileFormatException {
    int count = list == null ? 0 : list.size();
    float[] values = {};
    int dimension = 0;
    for (int i = 0; i < count; i++) {
      float[] token = numbers(list != null && list.get(i) instanceof PqList inner ? inner : null);
      if (i == 0) {
        dimension = token.length;
        if ((long) count * dimension > JsonReader.VECTOR_VALUES_MAX) {
          throw FileFormatException.atRow(
              file,
              row,
              count + " vectors of " + dimension,
              "at most " + JsonReader.VECTOR_VALUES_MAX + " numbers");
        }
        values = new float[count * dimension];
      } else if (token.length != dimension) {
        throw FileFormatException.atRow(
            file,
            row,
            "vector " + i + " of " + token.length + " numbers",
            dimension + ", as in vector 0");
      }
      System.arraycopy(token, 0, values, i * dimension, dimension);
    }
    if (count == 0) {
      throw FileFormatException.atRow(file, row, "no vectors", "1 at least");
    }
    return new Vector(values, count, "");
  }

  private float[] numbers(@Nullable PqList list) throws FileFormatException {
    if (list == null || list.size() == 0 || list.size() > MatrixFile.DIMENSION_MAX) {
      throw FileFormatException.atRow(
          file,
          row,
          list == null ? "no vector" : "a vector of " + list.size() + " numbers",
          "1 to " + MatrixFile.DIMENSION_MAX + " numbers");
    }
    float[] values = new float[list.size()];
    for (int i = 0; i < values.length; i++) {
      Object number = list.get(i);
      values[i] = number instanceof Number n ? n.floatValue() : Float.NaN;
      if (!Float.isFinite(values[i])) {
        throw FileFormatException.atRow(
            file, row, "value " + i + " is " + number, "a finite float32 number");
      }
    }
    return values;
  }

  private Value value(@Nullable Object value, SchemaNode node) throws FileFormatException {
    return switch (value) {
      case null -> Value.NullValue.INSTANCE;
      case Boolean bool -> new Value.BoolValue(bool);
      case Integer number ->
          new Value.IntValue(isUnsigned(node) ? Integer.toUnsignedLong(number) : number);
      case Long number when number >= 0 || !isUnsigned(node) -> new Value.IntValue(number);
      case Float number -> new Value.DoubleValue(number);
      case Double number -> new Value.DoubleValue(number);
      case String text -> new Value.StringValue(text);
      case Instant instant -> new Value.TimestampValue(instant);
      case LocalDate date -> new Value.StringValue(date.toString());
      case LocalTime time -> new Value.StringValue(time.toString());
      case LocalDateTime time -> new Value.StringValue(time.toString());
      case UUID uuid -> new Value.StringValue(uuid.toString());
      case PqList list when node instanceof SchemaNode.GroupNode group ->
          list(list, group.getListElement());
      case PqStruct struct when node instanceof SchemaNode.GroupNode group -> struct(struct, group);
      default ->
          throw FileFormatException.atRow(
              file,
              row,
              "column " + node.name() + " holds " + value.getClass().getSimpleName(),
              "a type that a payload can hold exactly: boolean, integer up to int64, float, double,"
                  + " text, timestamp, date, time, UUID, list or struct");
    };
  }

  private Value list(PqList list, SchemaNode element) throws FileFormatException {
    List<Value> values = new ArrayList<>(list.size());
    for (int i = 0; i < list.size(); i++) {
      values.add(value(list.get(i), element));
    }
    return new Value.ListValue(values);
  }

  private Value struct(PqStruct struct, SchemaNode.GroupNode group) throws FileFormatException {
    Map<String, Value> fields = new LinkedHashMap<>();
    for (SchemaNode child : group.children()) {
      if (!struct.isNull(child.name())) {
        fields.put(child.name(), value(struct.getValue(child.name()), child));
      }
    }
    return new Value.ObjectValue(fields);
  }

  private static boolean isUnsigned(SchemaNode node) {
    return node instanceof SchemaNode.PrimitiveNode primitive
        && primitive.logicalType() instanceof LogicalType.IntType type
        && !type.isSigned();
  }
}
