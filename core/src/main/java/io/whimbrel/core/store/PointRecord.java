package io.whimbrel.core.store;

import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Value;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A row of `POINTS`.
///
/// @param seq sequence number of the last write
/// @param vectors which vectors the point has in `VECTORS`, in key order; those of a dropped
///   version may be named still
/// @param contentVersion the client's name for the content; empty for none
/// @param payload as [PayloadCodec] wrote it
public record PointRecord(
    PointId id, long seq, List<VectorRef> vectors, String contentVersion, byte[] payload) {
  private static final int FORMAT = 2;
  private static final int NUMBER_ID = 0;
  private static final int TEXT_ID = 1;

  /// One vector of a point: numbers of its field and version.
  public record VectorRef(int field, int version) {}

  public PointRecord {
    vectors = List.copyOf(vectors);
  }

  public byte[] encode() {
    RecordWriter out = new RecordWriter().u8(FORMAT).i64(seq);
    switch (id) {
      case PointId.Number n -> out.u8(NUMBER_ID).i64(n.number());
      case PointId.Text t -> out.u8(TEXT_ID).bytes(t.bytes());
    }
    out.varint(vectors.size());
    for (VectorRef ref : vectors) {
      out.varint(ref.field()).varint(ref.version());
    }
    return out.text(contentVersion).raw(payload).toBytes();
  }

  public static PointRecord decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    int format = in.u8();
    Records.checkFormat("point", format, FORMAT);
    long seq = in.i64();
    PointId id = in.u8() == NUMBER_ID ? PointId.of(in.i64()) : PointId.of(in.text());
    int count = in.count();
    List<VectorRef> vectors = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      vectors.add(new VectorRef((int) in.varint(), (int) in.varint()));
    }
    String contentVersion = format == 1 ? "" : in.text();
    return new PointRecord(id, seq, vectors, contentVersion, in.rest());
  }

  /// The same point with other vectors.
  public PointRecord withVectors(List<VectorRef> newVectors) {
    return new PointRecord(id, seq, newVectors, contentVersion, payload);
  }

  /// The sequence number alone, for the scan that verifies a collection.
  public static long seqOf(ByteBuffer value) {
    return value.getLong(1);
  }

  public Map<String, Value> decodePayload() throws StorageException {
    return PayloadCodec.decode(payload);
  }
}
