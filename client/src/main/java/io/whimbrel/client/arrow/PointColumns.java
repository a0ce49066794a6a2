package io.whimbrel.client.arrow;

import com.google.protobuf.InvalidProtocolBufferException;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.internal.ValueWire;
import io.whimbrel.proto.v1.ObjectValue;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Points to the columns of one collection and back. The server gives the schema, since it knows
 * fields and dimensions.
 *
 * <p>Ids are in {@code id} or {@code id_number}; a payload is one binary {@code
 * whimbrel.v1.ObjectValue}, so that nothing is lost.
 */
final class PointColumns {
  static final String ID = "id";
  static final String ID_NUMBER = "id_number";
  static final String SEQ = "seq";
  static final String IF_SEQ = "if_seq";
  static final String PAYLOAD = "payload";
  private static final String VECTOR = "vector";
  private static final String VECTOR_PREFIX = "vector:";
  private static final String SPACE_ID = "whimbrel.space_id";

  private final Schema schema;
  private final Map<String, Embedding> embeddings;

  /** What is known of a vector column; {@code spaceId} is empty when the server did not say. */
  private record Embedding(String column, int dimension, boolean multi, String spaceId) {}

  private PointColumns(Schema schema, Map<String, Embedding> embeddings) {
    this.schema = schema;
    this.embeddings = embeddings;
  }

  /** The columns of a download. */
  static PointColumns ofDownload(Schema exported) {
    Map<String, Embedding> embeddings = new HashMap<>();
    for (Field column : exported.getFields()) {
      String name = column.getName();
      if (name.equals(VECTOR) || name.startsWith(VECTOR_PREFIX)) {
        boolean multi = column.getType() instanceof ArrowType.List;
        Field row = multi ? column.getChildren().get(0) : column;
        String field =
            name.equals(VECTOR) ? FieldSpec.DEFAULT_NAME : name.substring(VECTOR_PREFIX.length());
        embeddings.put(
            field,
            new Embedding(
                name,
                ((ArrowType.FixedSizeList) row.getType()).getListSize(),
                multi,
                column.getMetadata().getOrDefault(SPACE_ID, "")));
      }
    }
    return new PointColumns(exported, embeddings);
  }

  /**
   * The columns of an upload: those of an export with {@code if_seq} for {@code seq}. The spaces
   * are not named in it, because a point need not say its own; those that do are checked here.
   */
  static PointColumns ofUpload(Schema exported) {
    List<Field> columns = new ArrayList<>();
    for (Field column : exported.getFields()) {
      if (column.getName().equals(SEQ)) {
        columns.add(new Field(IF_SEQ, FieldType.nullable(new ArrowType.Int(64, false)), List.of()));
      } else {
        Map<String, String> metadata = new HashMap<>(column.getMetadata());
        metadata.remove(SPACE_ID);
        columns.add(
            new Field(
                column.getName(),
                new FieldType(column.isNullable(), column.getType(), null, metadata),
                column.getChildren()));
      }
    }
    return new PointColumns(new Schema(columns), ofDownload(exported).embeddings);
  }

  Schema schema() {
    return schema;
  }

  /** A batch of points to be written, closed by the caller. */
  VectorSchemaRoot batch(List<Point> points, BufferAllocator allocator) {
    for (int i = 0; i < points.size(); i++) {
      check(points.get(i), i);
    }
    VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
    try {
      VarCharVector texts = (VarCharVector) root.getVector(ID);
      UInt8Vector numbers = (UInt8Vector) root.getVector(ID_NUMBER);
      UInt8Vector conditions = (UInt8Vector) root.getVector(IF_SEQ);
      VarBinaryVector payloads = (VarBinaryVector) root.getVector(PAYLOAD);
      for (int i = 0; i < points.size(); i++) {
        Point point = points.get(i);
        if (point.id() instanceof PointId.Text text) {
          texts.setSafe(i, text.text().getBytes(StandardCharsets.UTF_8));
        } else if (point.id() instanceof PointId.Number number) {
          numbers.setSafe(i, number.number());
        }
        if (point.ifSeq().isPresent()) {
          conditions.setSafe(i, point.ifSeq().getAsLong());
        }
        payloads.setSafe(i, ValueWire.encodeObject(point.payload()).toByteArray());
      }
      embeddings.forEach((field, embedding) -> fill(root, field, embedding, points));
      root.setRowCount(points.size());
      return root;
    } catch (RuntimeException e) {
      root.close();
      throw e;
    }
  }

  private void check(Point point, int row) {
    point.vectors().forEach((field, vector) -> check(field, vector, row));
  }

  private void check(String field, Vector vector, int row) {
    String path = "points[" + row + "].vectors." + field;
    Embedding embedding = embeddings.get(field);
    if (embedding == null) {
      throw WhimbrelException.refusal(
          ErrorCode.UNKNOWN_FIELD, path, '"' + field + '"', "a vector field of the collection");
    }
    if (vector.dimension() != embedding.dimension()) {
      throw WhimbrelException.refusal(
          ErrorCode.DIMENSION_MISMATCH, path, vector.dimension(), "" + embedding.dimension());
    }
    if (vector.rows() != 1 && !embedding.multi()) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT, path, vector.rows() + " rows", "one vector");
    }
    if (!vector.spaceId().isEmpty() && !vector.spaceId().equals(embedding.spaceId())) {
      throw WhimbrelException.refusal(
          ErrorCode.SPACE_MISMATCH, path, "space " + vector.spaceId(), embedding.spaceId());
    }
  }

  private static void fill(
      VectorSchemaRoot root, String field, Embedding embedding, List<Point> points) {
    FieldVector column = root.getVector(embedding.column());
    int rows = 0;
    for (Point point : points) {
      rows += embedding.multi() ? vector(point, field).map(Vector::rows).orElse(0) : 1;
    }
    FixedSizeListVector lists =
        (FixedSizeListVector) (embedding.multi() ? ((ListVector) column).getDataVector() : column);
    Float4Vector values = (Float4Vector) lists.getDataVector();
    lists.setInitialCapacity(rows);
    lists.allocateNew();
    values.allocateNew(Math.multiplyExact(rows, embedding.dimension()));
    values.getDataBuffer().setZero(0, values.getDataBuffer().capacity());
    values.getValidityBuffer().setOne(0, values.getValidityBuffer().capacity());
    int next = 0;
    for (int i = 0; i < points.size(); i++) {
      Optional<Vector> vector = vector(points.get(i), field);
      int count = vector.map(Vector::rows).orElse(0);
      if (vector.isPresent()) {
        int first = embedding.multi() ? next : i;
        values
            .getDataBuffer()
            .nioBuffer(4L * first * embedding.dimension(), 4 * vector.get().values().length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .asFloatBuffer()
            .put(vector.get().values());
        for (int row = first; row < first + count; row++) {
          lists.setNotNull(row);
        }
      }
      if (embedding.multi() && vector.isPresent()) {
        ((ListVector) column).startNewValue(i);
        ((ListVector) column).endValue(i, count);
      } else if (embedding.multi()) {
        ((ListVector) column).setNull(i);
      }
      next += count;
    }
    lists.setValueCount(rows);
  }

  private static Optional<Vector> vector(Point point, String field) {
    return Optional.ofNullable(point.vectors().get(field));
  }

  /** The points of a downloaded batch, in order; nothing points into Arrow memory afterwards. */
  List<Point> points(VectorSchemaRoot root) {
    List<Point> points = new ArrayList<>(root.getRowCount());
    UInt8Vector seqs = (UInt8Vector) root.getVector(SEQ);
    for (int i = 0; i < root.getRowCount(); i++) {
      Map<String, Vector> vectors = new HashMap<>();
      for (Map.Entry<String, Embedding> entry : embeddings.entrySet()) {
        Embedding embedding = entry.getValue();
        FieldVector column = root.getVector(embedding.column());
        if (!column.isNull(i)) {
          vectors.put(entry.getKey(), vector(column, i, embedding));
        }
      }
      points.add(
          new Point(id(root, i), payload(root, i), vectors, seqs.get(i), OptionalLong.empty()));
    }
    return points;
  }

  private static PointId id(VectorSchemaRoot root, int row) {
    VarCharVector texts = (VarCharVector) root.getVector(ID);
    return texts.isNull(row)
        ? PointId.of(((UInt8Vector) root.getVector(ID_NUMBER)).get(row))
        : PointId.of(new String(texts.get(row), StandardCharsets.UTF_8));
  }

  private static Map<String, Value> payload(VectorSchemaRoot root, int row) {
    VarBinaryVector column = (VarBinaryVector) root.getVector(PAYLOAD);
    if (column == null) {
      return Map.of();
    }
    try {
      return ValueWire.decodeFields(ObjectValue.parseFrom(column.get(row)).getFieldsMap());
    } catch (InvalidProtocolBufferException e) {
      throw new WhimbrelException(
          ErrorCode.INTERNAL, PAYLOAD, "the server sent a payload that cannot be read", null, e);
    }
  }

  private static Vector vector(FieldVector column, int row, Embedding embedding) {
    int first = embedding.multi() ? ((ListVector) column).getElementStartIndex(row) : row;
    int rows = embedding.multi() ? ((ListVector) column).getElementEndIndex(row) - first : 1;
    FixedSizeListVector lists =
        (FixedSizeListVector) (embedding.multi() ? ((ListVector) column).getDataVector() : column);
    float[] values = new float[Math.multiplyExact(rows, embedding.dimension())];
    ((Float4Vector) lists.getDataVector())
        .getDataBuffer()
        .nioBuffer(4L * first * embedding.dimension(), 4 * values.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(values);
    return new Vector(values, rows, embedding.spaceId());
  }
}
