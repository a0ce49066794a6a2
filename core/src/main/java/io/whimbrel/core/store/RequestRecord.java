package io.whimbrel.core.store;

/// The remembered answer to a write with a request id.
///
/// @param fingerprint tells another request under the same id
/// @param atMillis when it was decided, since the epoch
public record RequestRecord(long seq, long affected, long fingerprint, long atMillis) {
  private static final int FORMAT = 1;

  public byte[] encode() {
    return new RecordWriter()
        .u8(FORMAT)
        .i64(seq)
        .varint(affected)
        .i64(fingerprint)
        .i64(atMillis)
        .toBytes();
  }

  public static RequestRecord decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("request", in.u8(), FORMAT);
    return new RequestRecord(in.i64(), in.varint(), in.i64(), in.i64());
  }
}
