package io.whimbrel.core.collection;

import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.payload.PayloadIndexes;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Builds payload indexes that were declared while points existed, one after the other, from the
/// stored points. One that fails says so in the status; conditions on its path read payloads.
final class PayloadIndexBuilds {
  private static final Logger LOG = LoggerFactory.getLogger(PayloadIndexBuilds.class);

  /// Points between two looks whether the database is closing.
  private static final int STOP_INTERVAL = 1024;

  private final Visibility visibility;
  private final Install install;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("whimbrel-payload").daemon(true).factory());

  private volatile boolean stopping;

  /// Hands a built index to the sequencer.
  @FunctionalInterface
  interface Install {
    void accept(LiveCollection collection, PayloadIndexes.Builder builder);
  }

  PayloadIndexBuilds(Visibility visibility, Install install) {
    this.visibility = visibility;
    this.install = install;
  }

  /// `builder` comes from a declaration that is published.
  void start(LiveCollection collection, PayloadIndexSpec spec, PayloadIndexes.Builder builder) {
    thread.execute(() -> {
      try {
        if (build(collection, builder)) {
          install.accept(collection, builder);
        }
      } catch (StorageException | RuntimeException e) {
        LOG.error("cannot build the index \"{}\" of {}", spec.path(), collection.name(), e);
        collection.payload().failed(spec, "building failed: " + e.getMessage());
      }
    });
  }

  /// Whether every point was read.
  private boolean build(LiveCollection collection, PayloadIndexes.Builder builder)
      throws StorageException {
    byte[] from = Keys.collectionPrefix(collection.number());
    byte[] to = Keys.collectionPrefix(collection.number() + 1);
    try (Visibility.Moment moment = visibility.now(collection, List.of());
        Scan points = moment.view().scan(Table.POINTS, from, to)) {
      for (int count = 1; points.advance(); count++) {
        if (count % STOP_INTERVAL == 0 && stopping) {
          return false;
        }
        long id = Keys.internalIdOf(points.key());
        builder.add(id, PointRecord.decode(points.valueBytes()).decodePayload());
      }
    }
    return true;
  }

  /// Ends what is being built; it is built at the next open.
  void stop() {
    stopping = true;
    thread.close();
  }
}
