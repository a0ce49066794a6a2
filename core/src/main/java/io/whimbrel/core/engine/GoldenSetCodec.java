package io.whimbrel.core.engine;

import io.whimbrel.core.evaluation.GoldenQuery;
import io.whimbrel.core.evaluation.GoldenSet;
import io.whimbrel.core.evaluation.Judgments;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.store.RecordReader;
import io.whimbrel.core.store.RecordWriter;
import io.whimbrel.core.store.Records;
import io.whimbrel.core.store.StorageException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// A golden set as one stored row.
final class GoldenSetCodec {
  private static final int FORMAT = 1;
  private static final int NUMBER = 0;
  private static final int TEXT = 1;

  private GoldenSetCodec() {}

  static byte[] encode(GoldenSet set) {
    RecordWriter out = new RecordWriter().u8(FORMAT).varint(set.queries().size());
    for (GoldenQuery query : set.queries()) {
      out.text(query.id()).text(query.text()).varint(query.vectors().size());
      for (Vector vector : query.vectors()) {
        ByteBuffer values =
            ByteBuffer.allocate(Float.BYTES * vector.values().length)
                .order(ByteOrder.LITTLE_ENDIAN);
        values.asFloatBuffer().put(vector.values());
        out.text(vector.spaceId()).varint(vector.rows()).bytes(values.array());
      }
      out.varint(query.slices().size());
      new TreeMap<>(query.slices()).forEach((key, value) -> out.text(key).text(value));
      Map<PointId, Integer> grades = new TreeMap<>(query.judgments().grades());
      out.varint(grades.size());
      grades.forEach((point, grade) -> {
        switch (point) {
          case PointId.Number(long number) -> out.u8(NUMBER).i64(number);
          case PointId.Text(String text) -> out.u8(TEXT).text(text);
        }
        out.i64(grade);
      });
    }
    return out.toBytes();
  }

  static GoldenSet decode(byte[] row) throws StorageException {
    RecordReader in = new RecordReader(row);
    Records.checkFormat("golden set", in.u8(), FORMAT);
    int count = in.count();
    List<GoldenQuery> queries = new ArrayList<>(count);
    for (int q = 0; q < count; q++) {
      String id = in.text();
      String text = in.text();
      int vectorCount = in.count();
      List<Vector> vectors = new ArrayList<>(vectorCount);
      for (int i = 0; i < vectorCount; i++) {
        String spaceId = in.text();
        int rows = (int) in.varint();
        byte[] bytes = in.bytes();
        float[] values = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        vectors.add(new Vector(values, rows, spaceId));
      }
      Map<String, String> slices = new HashMap<>();
      for (int i = in.count(); i > 0; i--) {
        slices.put(in.text(), in.text());
      }
      Map<PointId, Integer> grades = new HashMap<>();
      for (int i = in.count(); i > 0; i--) {
        PointId point = in.u8() == NUMBER ? PointId.of(in.i64()) : PointId.of(in.text());
        grades.put(point, (int) in.i64());
      }
      queries.add(new GoldenQuery(id, text, vectors, slices, new Judgments(grades)));
    }
    return new GoldenSet(queries);
  }
}
