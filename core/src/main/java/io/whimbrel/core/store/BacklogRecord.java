package io.whimbrel.core.store;

/// A row `B`, `R` or `D` of `MIGRATION`: a point that waits for a vector, or was given up.
///
/// @param attempts how often it failed
/// @param contentHash of the content that failed last; 0 when none did
/// @param waived whether an operator accepted that the point has no new vector
public record BacklogRecord(int attempts, long contentHash, boolean waived, String reason) {
  /// A point that was not tried yet.
  public static final BacklogRecord FRESH = new BacklogRecord(0, 0, false, "");

  private static final int FORMAT = 1;

  public byte[] encode() {
    if (equals(FRESH)) {
      return new byte[0];
    }
    return new RecordWriter()
        .u8(FORMAT)
        .varint(attempts)
        .i64(contentHash)
        .bool(waived)
        .text(reason)
        .toBytes();
  }

  public static BacklogRecord decode(byte[] bytes) throws StorageException {
    if (bytes.length == 0) {
      return FRESH;
    }
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("backlog", in.u8(), FORMAT);
    return new BacklogRecord((int) in.varint(), in.i64(), in.bool(), in.text());
  }
}
