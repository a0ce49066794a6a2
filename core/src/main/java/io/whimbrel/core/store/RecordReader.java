package io.whimbrel.core.store;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// Reads what [RecordWriter] wrote. A record that ends early or claims an impossible length is a
/// [StorageException]; no length is trusted before it was compared with what is there.
public final class RecordReader {
  private final ByteBuffer in;

  public RecordReader(byte[] record) {
    this.in = ByteBuffer.wrap(record);
  }

  public int u8() throws StorageException {
    need(1);
    return in.get() & 0xFF;
  }

  public long i64() throws StorageException {
    need(8);
    return in.getLong();
  }

  public double f64() throws StorageException {
    return Double.longBitsToDouble(i64());
  }

  public boolean bool() throws StorageException {
    return u8() == 1;
  }

  public long varint() throws StorageException {
    long value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      int next = u8();
      value |= (long) (next & 0x7F) << shift;
      if (next < 0x80) {
        return value;
      }
    }
    throw new StorageException("a number in a stored record has no end");
  }

  /// A number of things that need at least one byte each.
  public int count() throws StorageException {
    long count = varint();
    if (count < 0 || count > in.remaining()) {
      throw new StorageException("a stored record claims " + count + " parts, more than its bytes");
    }
    return (int) count;
  }

  public byte[] bytes() throws StorageException {
    byte[] value = new byte[count()];
    in.get(value);
    return value;
  }

  public String text() throws StorageException {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  public byte[] rest() {
    byte[] value = new byte[in.remaining()];
    in.get(value);
    return value;
  }

  private void need(int count) throws StorageException {
    if (in.remaining() < count) {
      throw new StorageException("a stored record ends early");
    }
  }
}
