package io.whimbrel.core.store;

/// A row of `LOG`: the collection and the internal ids that one write changed. The data is in the
/// other tables.
public record ChangeRecord(int collection, long[] internalIds) {
  private static final int FORMAT = 1;

  public byte[] encode() {
    RecordWriter out = new RecordWriter().u8(FORMAT).varint(collection).varint(internalIds.length);
    long previous = 0;
    for (long internalId : internalIds) {
      // Neighbouring ids are the common case; zigzag keeps a step back small too.
      long step = internalId - previous;
      out.varint((step << 1) ^ (step >> 63));
      previous = internalId;
    }
    return out.toBytes();
  }

  public static ChangeRecord decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("change", in.u8(), FORMAT);
    int collection = (int) in.varint();
    long[] internalIds = new long[in.count()];
    long previous = 0;
    for (int i = 0; i < internalIds.length; i++) {
      long coded = in.varint();
      previous += (coded >>> 1) ^ -(coded & 1);
      internalIds[i] = previous;
    }
    return new ChangeRecord(collection, internalIds);
  }
}
