package io.whimbrel.core.store;

import java.util.HashMap;
import java.util.Map;

/// The row `K`: how many points and vectors a collection holds, and a hash over their internal ids
/// and sequence numbers. It is written in the same batch as the rows it counts, so a table that
/// lost rows is noticed when the store is opened.
///
/// @param points of all points
/// @param vectors by field and version
public record Totals(Tally points, Map<PointRecord.VectorRef, Tally> vectors) {
  public static final Totals EMPTY = new Totals(Tally.EMPTY, Map.of());
  private static final int FORMAT = 1;

  public Totals {
    vectors = Map.copyOf(vectors);
  }

  /// A count and an order-free hash of a set of (internal id, sequence number) pairs.
  public record Tally(long count, long hash) {
    public static final Tally EMPTY = new Tally(0, 0);

    public Tally plus(long internalId, long seq) {
      return new Tally(count + 1, hash ^ mix(internalId, seq));
    }

    public Tally minus(long internalId, long seq) {
      return new Tally(count - 1, hash ^ mix(internalId, seq));
    }

    /// The finaliser of SplitMix64 (Steele, Lea and Flood 2014) over both numbers.
    public static long mix(long internalId, long seq) {
      long z = internalId * 0x9E3779B97F4A7C15L + seq;
      z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
      z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
      return z ^ (z >>> 31);
    }
  }

  public Tally vectorsOf(PointRecord.VectorRef ref) {
    return vectors.getOrDefault(ref, Tally.EMPTY);
  }

  public byte[] encode() {
    RecordWriter out =
        new RecordWriter()
            .u8(FORMAT)
            .varint(points.count())
            .i64(points.hash())
            .varint(vectors.size());
    vectors.forEach((ref, tally) ->
        out.varint(ref.field()).varint(ref.version()).varint(tally.count()).i64(tally.hash()));
    return out.toBytes();
  }

  public static Totals decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("total", in.u8(), FORMAT);
    Tally points = new Tally(in.varint(), in.i64());
    int count = in.count();
    Map<PointRecord.VectorRef, Tally> vectors = new HashMap<>();
    for (int i = 0; i < count; i++) {
      PointRecord.VectorRef ref = new PointRecord.VectorRef((int) in.varint(), (int) in.varint());
      vectors.put(ref, new Tally(in.varint(), in.i64()));
    }
    return new Totals(points, vectors);
  }
}
