package io.whimbrel.core.store;

/// The row `S`: what the next write continues from.
///
/// @param seq sequence number of the last write
/// @param nextInternalId internal ids are given once and never again
/// @param nextCollection the same for collection numbers
public record Progress(long seq, long nextInternalId, int nextCollection) {
  public static final Progress START = new Progress(0, 1, 1);
  private static final int FORMAT = 1;

  public byte[] encode() {
    return new RecordWriter()
        .u8(FORMAT)
        .i64(seq)
        .i64(nextInternalId)
        .varint(nextCollection)
        .toBytes();
  }

  public static Progress decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("progress", in.u8(), FORMAT);
    return new Progress(in.i64(), in.i64(), (int) in.varint());
  }
}
