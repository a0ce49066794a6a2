package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.Batch;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/// Small durable rows by name, for what watches collections and does not change them: golden sets,
/// comparisons of versions, traffic schedules. They have no sequence number and no place in the
/// change log. Any number of threads.
public final class Notes {
  private final Sequencer sequencer;
  private final Store store;

  public Notes(Sequencer sequencer, Store store) {
    this.sequencer = sequencer;
    this.store = store;
  }

  /// Adds or replaces rows, all or none; they are on stable storage when the future completes.
  public CompletableFuture<Boolean> put(Map<String, byte[]> rows) {
    return write(batch -> {
      for (Map.Entry<String, byte[]> row : rows.entrySet()) {
        batch.put(Table.SYSTEM, Keys.note(row.getKey()), row.getValue());
      }
    });
  }

  /// Removes every row whose name begins with one of the prefixes, all or none.
  public CompletableFuture<Boolean> remove(String... prefixes) {
    return write(batch -> {
      for (String prefix : prefixes) {
        batch.deleteRange(Table.SYSTEM, Keys.note(prefix), Keys.note(prefix + Character.MAX_VALUE));
      }
    });
  }

  private CompletableFuture<Boolean> write(Sequencer.Rows rows) {
    return sequencer.run(() -> {
      if (!sequencer.readOnlyReason().isEmpty()) {
        throw WhimbrelException.of(
            ErrorCode.READ_ONLY,
            "database",
            sequencer.readOnlyReason(),
            "a store that takes writes");
      }
      try (Batch batch = store.batch()) {
        rows.addTo(batch);
        store.write(batch, true);
      }
      return true;
    });
  }

  public Optional<byte[]> get(String name) throws StorageException {
    try (View view = store.view()) {
      return view.get(Table.SYSTEM, Keys.note(name));
    }
  }

  /// The rows whose name begins with `prefix`, by name.
  public Map<String, byte[]> list(String prefix) throws StorageException {
    Map<String, byte[]> rows = new TreeMap<>();
    try (View view = store.view();
        Scan scan =
            view.scan(Table.SYSTEM, Keys.note(prefix), Keys.note(prefix + Character.MAX_VALUE))) {
      while (scan.advance()) {
        rows.put(Keys.noteOf(scan.keyBytes()), scan.valueBytes());
      }
    }
    return rows;
  }
}
