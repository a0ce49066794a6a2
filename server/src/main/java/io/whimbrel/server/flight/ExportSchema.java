package io.whimbrel.server.flight;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionInfo.FieldInfo;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.ObjectValue;
import io.whimbrel.server.wire.ValueWire;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.UInt8Vector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/// The columns of an export and how points fill them. An upload of what it gives restores every
/// point exactly.
///
/// Immutable. The schema depends on the collection and the selection alone, never on the points.
final class ExportSchema {
  private final Schema schema;
  private final List<Embedding> embeddings;
  private final boolean payload;

  private record Embedding(String field, EmbeddingSpec spec) {
    boolean multi() {
      return spec.cardinality() == Cardinality.MULTI;
    }
  }

  private ExportSchema(Schema schema, List<Embedding> embeddings, boolean payload) {
    this.schema = schema;
    this.embeddings = embeddings;
    this.payload = payload;
  }

  static ExportSchema of(CollectionInfo collection, ReadOptions read) {
    List<Field> columns = new ArrayList<>();
    columns.add(column(Columns.ID, new ArrowType.Utf8(), true));
    columns.add(column(Columns.ID_NUMBER, new ArrowType.Int(64, false), true));
    columns.add(column(Columns.SEQ, new ArrowType.Int(64, false), false));
    List<Embedding> embeddings = new ArrayList<>();
    for (FieldInfo field : collection.fields()) {
      if (read.vectors().selects(field.name())) {
        Embedding embedding = new Embedding(field.name(), readSpec(field));
        embeddings.add(embedding);
        columns.add(column(embedding));
      }
    }
    boolean payload = !read.payload().equals(Selector.NONE);
    if (payload) {
      columns.add(column(Columns.PAYLOAD, new ArrowType.Binary(), false));
    }
    return new ExportSchema(new Schema(columns), List.copyOf(embeddings), payload);
  }

  private static EmbeddingSpec readSpec(FieldInfo field) {
    return field.versions().stream()
        .filter(version -> version.number() == field.readVersion())
        .findFirst()
        .orElseThrow(
            () -> new IllegalStateException("field " + field.name() + " has no read version"))
        .spec();
  }

  private static Field column(String name, ArrowType type, boolean nullable) {
    return new Field(name, new FieldType(nullable, type, null), List.of());
  }

  private static Field column(Embedding embedding) {
    Map<String, String> metadata =
        Map.of(Columns.SPACE_ID, embedding.spec().spaceId(), Columns.NULLS, Columns.NULLS_ABSENT);
    Field item = column("item", new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE), false);
    ArrowType row = new ArrowType.FixedSizeList(embedding.spec().dimension());
    String name = Columns.vector(embedding.field());
    if (!embedding.multi()) {
      return new Field(name, new FieldType(true, row, null, metadata), List.of(item));
    }
    Field rows = new Field("row", new FieldType(false, row, null), List.of(item));
    return new Field(
        name, new FieldType(true, new ArrowType.List(), null, metadata), List.of(rows));
  }

  Schema schema() {
    return schema;
  }

  /// Rows that together hold about `bytesTarget` bytes of single vectors, 1 to `rowsMax`.
  int rows(int rowsMax, int bytesTarget) {
    long rowBytes = 256;
    for (Embedding embedding : embeddings) {
      rowBytes += 4L * embedding.spec().dimension();
    }
    return (int) Math.clamp(bytesTarget / rowBytes, 1, rowsMax);
  }

  /// A batch of `points`, closed by the caller; all memory comes from `allocator`.
  VectorSchemaRoot batch(List<Point> points, BufferAllocator allocator) {
    VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
    try {
      ids(root, points);
      UInt8Vector seq = (UInt8Vector) root.getVector(Columns.SEQ);
      for (int i = 0; i < points.size(); i++) {
        seq.setSafe(i, points.get(i).seq());
      }
      for (Embedding embedding : embeddings) {
        FieldVector column = root.getVector(Columns.vector(embedding.field()));
        if (embedding.multi()) {
          matrices((ListVector) column, embedding, points);
        } else {
          vectors((FixedSizeListVector) column, embedding, points);
        }
      }
      if (payload) {
        payloads((VarBinaryVector) root.getVector(Columns.PAYLOAD), points);
      }
      root.setRowCount(points.size());
      return root;
    } catch (RuntimeException e) {
      root.close();
      throw e;
    }
  }

  private static void ids(VectorSchemaRoot root, List<Point> points) {
    VarCharVector texts = (VarCharVector) root.getVector(Columns.ID);
    UInt8Vector numbers = (UInt8Vector) root.getVector(Columns.ID_NUMBER);
    for (int i = 0; i < points.size(); i++) {
      switch (points.get(i).id()) {
        case PointId.Text(String text) -> {
          texts.setSafe(i, text.getBytes(StandardCharsets.UTF_8));
          numbers.setNull(i);
        }
        case PointId.Number(long number) -> {
          texts.setNull(i);
          numbers.setSafe(i, number);
        }
      }
    }
  }

  private static void vectors(FixedSizeListVector column, Embedding embedding, List<Point> points) {
    int dimension = embedding.spec().dimension();
    Float4Vector values = values(column, points.size(), dimension);
    for (int i = 0; i < points.size(); i++) {
      Optional<Vector> vector = vector(points.get(i), embedding, i);
      if (vector.isPresent()) {
        column.setNotNull(i);
        put(values, (long) i * dimension, vector.get().values());
      } else {
        column.setNull(i);
        values.getDataBuffer().setZero(4L * i * dimension, 4L * dimension);
      }
    }
    column.setValueCount(points.size());
  }

  private static void matrices(ListVector column, Embedding embedding, List<Point> points) {
    int dimension = embedding.spec().dimension();
    int total = 0;
    for (int i = 0; i < points.size(); i++) {
      total += vector(points.get(i), embedding, i).map(Vector::rows).orElse(0);
    }
    FixedSizeListVector rows = (FixedSizeListVector) column.getDataVector();
    Float4Vector values = values(rows, total, dimension);
    int next = 0;
    for (int i = 0; i < points.size(); i++) {
      Optional<Vector> matrix = vector(points.get(i), embedding, i);
      if (matrix.isEmpty()) {
        column.setNull(i);
        continue;
      }
      column.startNewValue(i);
      put(values, (long) next * dimension, matrix.get().values());
      for (int end = next + matrix.get().rows(); next < end; next++) {
        rows.setNotNull(next);
      }
      column.endValue(i, matrix.get().rows());
    }
    rows.setValueCount(total);
    column.setLastSet(points.size() - 1);
    column.setValueCount(points.size());
  }

  /// The number column of `lists`, with room for `count` lists and every value marked as present.
  private static Float4Vector values(FixedSizeListVector lists, int count, int dimension) {
    Float4Vector values = (Float4Vector) lists.getDataVector();
    lists.setInitialCapacity(count);
    lists.allocateNew();
    values.allocateNew(Math.multiplyExact(count, dimension));
    values.getValidityBuffer().setOne(0, values.getValidityBuffer().capacity());
    return values;
  }

  private static void put(Float4Vector values, long index, float[] floats) {
    values
        .getDataBuffer()
        .nioBuffer(4 * index, 4 * floats.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .put(floats);
  }

  private static Optional<Vector> vector(Point point, Embedding embedding, int row) {
    Vector vector = point.vectors().get(embedding.field());
    if (vector == null) {
      return Optional.empty();
    }
    // The schema was sent at the start; a field that serves another version since then no longer
    // fits it.
    if (vector.dimension() != embedding.spec().dimension()
        || (!embedding.multi() && vector.rows() != 1)) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          Columns.vector(embedding.field()) + "[" + row + "]",
          vector,
          "vectors of dimension " + embedding.spec().dimension() + " until the export ends");
    }
    return Optional.of(vector);
  }

  private static void payloads(VarBinaryVector column, List<Point> points) {
    for (int i = 0; i < points.size(); i++) {
      ObjectValue.Builder object = ObjectValue.newBuilder();
      for (Map.Entry<String, Value> entry : points.get(i).payload().entrySet()) {
        object.putFields(entry.getKey(), ValueWire.message(entry.getValue()));
      }
      column.setSafe(i, object.build().toByteArray());
    }
  }
}
