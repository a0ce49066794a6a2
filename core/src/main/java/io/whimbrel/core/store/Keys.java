package io.whimbrel.core.store;

import io.whimbrel.core.model.PointId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// Keys of every table, as the package comment lists them.
public final class Keys {
  private static final byte NUMBER_ID = 0;
  private static final byte TEXT_ID = 1;

  /// One shard until shards become replicated groups.
  private static final int SHARD = 0;

  public static final byte[] FORMAT = {'F'};
  public static final byte[] PROGRESS = {'S'};

  private Keys() {}

  public static byte[] collection(int collection) {
    return ByteBuffer.allocate(5).put((byte) 'C').putInt(collection).array();
  }

  public static byte[] totals(int collection) {
    return ByteBuffer.allocate(5).put((byte) 'K').putInt(collection).array();
  }

  public static byte[] payloadIndexes(int collection) {
    return ByteBuffer.allocate(5).put((byte) 'I').putInt(collection).array();
  }

  public static byte[] dropped(int collection) {
    return ByteBuffer.allocate(5).put((byte) 'X').putInt(collection).array();
  }

  /// A row `A`: the collection number(4) that an alias stands for.
  public static byte[] alias(String name) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(1 + text.length).put((byte) 'A').put(text).array();
  }

  public static String aliasOf(byte[] key) {
    return new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
  }

  public static byte[] request(String requestId) {
    byte[] id = requestId.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(1 + id.length).put((byte) 'R').put(id).array();
  }

  public static String requestOf(byte[] key) {
    return new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
  }

  /// A row `N`: a note by its name.
  public static byte[] note(String name) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(1 + text.length).put((byte) 'N').put(text).array();
  }

  public static String noteOf(byte[] key) {
    return new String(key, 1, key.length - 1, StandardCharsets.UTF_8);
  }

  /// First key of the system rows of one kind, for example `'C'`; the last is `system(kind + 1)`,
  /// exclusive.
  public static byte[] system(char kind) {
    return new byte[] {(byte) kind};
  }

  /// The collection number of a `C`, `I`, `K` or `X` row.
  public static int collectionOf(byte[] key) {
    return ByteBuffer.wrap(key).getInt(1);
  }

  /// Start of a collection's rows in `IDS`, `POINTS` and `VECTORS`; the end is that of `collection
  /// + 1`, exclusive.
  public static byte[] collectionPrefix(int collection) {
    return ByteBuffer.allocate(4).putInt(collection).array();
  }

  public static byte[] id(int collection, PointId id) {
    return switch (id) {
      case PointId.Number n ->
          ByteBuffer.allocate(13).putInt(collection).put(NUMBER_ID).putLong(n.number()).array();
      case PointId.Text t -> {
        byte[] text = t.bytes();
        yield ByteBuffer.allocate(5 + text.length)
            .putInt(collection)
            .put(TEXT_ID)
            .put(text)
            .array();
      }
    };
  }

  public static byte[] point(int collection, long internalId) {
    return ByteBuffer.allocate(12).putInt(collection).putLong(internalId).array();
  }

  /// The internal id of a key of `POINTS` or `VECTORS`, where it stands last.
  public static long internalIdOf(ByteBuffer key) {
    return key.getLong(key.limit() - 8);
  }

  public static byte[] vector(int collection, int field, int version, long internalId) {
    return ByteBuffer.allocate(18)
        .putInt(collection)
        .putShort((short) field)
        .putInt(version)
        .putLong(internalId)
        .array();
  }

  /// Record (`M`) or counters (`Q`) of a migration.
  public static byte[] migration(char kind, int collection, long migration) {
    return ByteBuffer.allocate(13).put((byte) kind).putInt(collection).putLong(migration).array();
  }

  /// Start of the `M` or `Q` rows of a collection; the end is that of `collection + 1`, exclusive.
  public static byte[] migrations(char kind, int collection) {
    return ByteBuffer.allocate(5).put((byte) kind).putInt(collection).array();
  }

  /// The migration number of an `M` or `Q` row.
  public static long migrationOf(byte[] key) {
    return ByteBuffer.wrap(key).getLong(5);
  }

  /// A row of `MIGRATION`; `number` is an internal id, or a revision for the history.
  public static byte[] inMotion(int collection, long migration, char kind, long number) {
    return ByteBuffer.allocate(21)
        .putInt(collection)
        .putLong(migration)
        .put((byte) kind)
        .putLong(number)
        .array();
  }

  public static byte[] log(long seq) {
    return ByteBuffer.allocate(12).putInt(SHARD).putLong(seq).array();
  }

  public static long logSeqOf(ByteBuffer key) {
    return key.getLong(4);
  }
}
