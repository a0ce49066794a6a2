package io.whimbrel.core.store;

/// A row `Q`: how many rows of each kind a migration has, written in the same batch as those rows.
///
/// @param live points that have a vector in one of the two versions
/// @param forward points that wait for their vector in the new version
/// @param reverse points that the old version lacks or has in older form
/// @param dead points given up and not waived
/// @param waived points given up that an operator accepted
/// @param listed internal ids up to this one were looked at when dual writes began
public record BacklogCounters(
    long live, long forward, long reverse, long dead, long waived, long listed) {
  public static final BacklogCounters EMPTY = new BacklogCounters(0, 0, 0, 0, 0, 0);
  private static final int FORMAT = 1;

  public byte[] encode() {
    return new RecordWriter()
        .u8(FORMAT)
        .varint(live)
        .varint(forward)
        .varint(reverse)
        .varint(dead)
        .varint(waived)
        .i64(listed)
        .toBytes();
  }

  public static BacklogCounters decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("backlog counter", in.u8(), FORMAT);
    return new BacklogCounters(
        in.varint(), in.varint(), in.varint(), in.varint(), in.varint(), in.i64());
  }

  /// The counters when dual writes begin, with so many points in the old version.
  public static BacklogCounters start(long live) {
    return new BacklogCounters(live, 0, 0, 0, 0, 0);
  }

  public BacklogCounters withLive(long newLive) {
    return new BacklogCounters(newLive, forward, reverse, dead, waived, listed);
  }

  public BacklogCounters withListed(long newListed) {
    return new BacklogCounters(live, forward, reverse, dead, waived, newListed);
  }
}
