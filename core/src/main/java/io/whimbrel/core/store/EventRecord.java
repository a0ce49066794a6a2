package io.whimbrel.core.store;

import io.whimbrel.core.model.MigrationEvent;
import io.whimbrel.core.model.MigrationState;

/// A row `H` of `MIGRATION`: one change of a migration, under its revision.
public final class EventRecord {
  private static final int FORMAT = 1;

  private EventRecord() {}

  public static byte[] encode(MigrationEvent event) {
    return new RecordWriter()
        .u8(FORMAT)
        .i64(event.revision())
        .i64(event.atMillis())
        .u8(event.state().ordinal() + 1)
        .varint(event.basisPoints())
        .i64(event.epoch())
        .text(event.actor())
        .text(event.reason())
        .toBytes();
  }

  public static MigrationEvent decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    Records.checkFormat("migration event", in.u8(), FORMAT);
    return new MigrationEvent(
        in.i64(),
        in.i64(),
        Records.constant(MigrationState.values(), in.u8(), "migration state"),
        (int) in.varint(),
        in.i64(),
        in.text(),
        in.text());
  }
}
