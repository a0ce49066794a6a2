package io.whimbrel.core.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.UUID;
import java.util.zip.CRC32C;

/// The file `STAMP` beside the store: identity of the database and a sequence number that was
/// acknowledged and synced.
///
/// RocksDB opens without complaint after some truncations of its own files; a store whose last
/// sequence number lies below the stamp has lost acknowledged writes. Layout: magic(8), format(4),
/// database id(16), sequence number(8), CRC32C of these(4). Replaced by write, fsync, rename, fsync
/// of the directory.
public record Stamp(UUID databaseId, long seq) {
  private static final String FILE = "STAMP";
  private static final long MAGIC = 0x57484D5354414D50L;
  private static final int FORMAT = 1;
  private static final int BYTES = 40;

  public void write(Path directory) throws StorageException {
    ByteBuffer out =
        ByteBuffer.allocate(BYTES)
            .putLong(MAGIC)
            .putInt(FORMAT)
            .putLong(databaseId.getMostSignificantBits())
            .putLong(databaseId.getLeastSignificantBits())
            .putLong(seq);
    out.putInt(crc(out.array())).flip();
    Path temporary = directory.resolve(FILE + ".tmp");
    try {
      try (FileChannel file =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        while (out.hasRemaining()) {
          file.write(out);
        }
        file.force(true);
      }
      Files.move(temporary, directory.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
      try (FileChannel parent = FileChannel.open(directory)) {
        parent.force(true);
      }
    } catch (IOException e) {
      throw new StorageException("cannot write " + directory.resolve(FILE), e);
    }
  }

  /// Empty when there is no stamp; a damaged one is a [StorageException].
  public static Optional<Stamp> read(Path directory) throws StorageException {
    Path path = directory.resolve(FILE);
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(path);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new StorageException("cannot read " + path, e);
    }
    ByteBuffer in = ByteBuffer.wrap(bytes);
    if (bytes.length != BYTES || in.getLong() != MAGIC || in.getInt(BYTES - 4) != crc(bytes)) {
      throw new StorageException(path + " is damaged");
    }
    Records.checkFormat("stamp", in.getInt(), FORMAT);
    return Optional.of(new Stamp(new UUID(in.getLong(), in.getLong()), in.getLong()));
  }

  private static int crc(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, BYTES - 4);
    return (int) crc.getValue();
  }
}
