package io.whimbrel.core.engine;

import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillLeases;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.CommitResult;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.VerificationReport;
import io.whimbrel.core.model.WriteOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/// A collection of texts whose field "default" moves from one made-up model to another of the same
/// dimension. A vector says which model made it of which text, so that every stored vector can be
/// judged.
final class MovingDocs {
  static final String COLLECTION = "docs";
  static final int DIMENSION = 8;
  static final ChangeNote NOTE = new ChangeNote("test", "because");
  static final EmbeddingSpec OLD = spec("old", DIMENSION, new IndexSpec.Flat());
  static final EmbeddingSpec NEW = spec("new", DIMENSION, new IndexSpec.Flat());

  private MovingDocs() {}

  static EmbeddingSpec spec(String model, int dimension, IndexSpec index) {
    return new EmbeddingSpec(
        new ModelId("test", model, "1"),
        dimension,
        Metric.COSINE,
        io.whimbrel.core.model.Cardinality.SINGLE,
        Storage.FLOAT32,
        index,
        List.of("text"),
        Origin.CLIENT,
        false,
        "",
        "");
  }

  static void create(Database database) {
    database.createCollection(CollectionSpec.of(COLLECTION, OLD));
  }

  /// What the model makes of the text.
  static Vector embed(EmbeddingSpec model, String text) {
    SplittableRandom random =
        new SplittableRandom(31L * text.hashCode() + model.model().name().hashCode());
    float[] values = new float[model.dimension()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextDouble() - 0.5);
    }
    return new Vector(values, 1, model.spaceId());
  }

  static Map<String, Value> payload(String text) {
    return Map.of("text", new Value.StringValue(text));
  }

  static PointWrite point(String id, String text, EmbeddingSpec... models) {
    List<Vector> vectors = new ArrayList<>();
    for (EmbeddingSpec model : models) {
      vectors.add(embed(model, text));
    }
    return PointWrite.of(PointId.of(id), payload(text), vectors);
  }

  static long upsert(Database database, PointWrite... points) {
    return database
        .write(COLLECTION, new Mutation.Upsert(List.of(points)), WriteOptions.DEFAULT)
        .join()
        .seq();
  }

  static void delete(Database database, String... ids) {
    List<PointId> list = new ArrayList<>();
    for (String id : ids) {
      list.add(PointId.of(id));
    }
    database
        .write(COLLECTION, new Mutation.Delete(list, OptionalLong.empty()), WriteOptions.DEFAULT)
        .join();
  }

  static void setText(Database database, String id, String text) {
    merge(database, id, payload(text));
  }

  static void merge(Database database, String id, Map<String, Value> payload) {
    database
        .write(
            COLLECTION,
            new Mutation.UpdatePayload(
                List.of(PointId.of(id)),
                new Mutation.PayloadChange.Merge(payload),
                OptionalLong.empty()),
            WriteOptions.DEFAULT)
        .join();
  }

  static Migration start(Database database) {
    return start(database, MigrationSpec.of(COLLECTION, "default", NEW));
  }

  /// A migration whose points are listed.
  static Migration start(Database database, MigrationSpec spec) {
    Migration migration = database.migrations().create(spec, true, NOTE);
    return awaitState(database, migration, MigrationState.DUAL_WRITE);
  }

  /// Waits until the migration has left the state.
  static Migration awaitState(Database database, Migration migration, MigrationState left) {
    Migration now = migration;
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (now.state() == left) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("still " + left);
      }
      now = database.migrations().await(now.id(), now.revision(), Duration.ofSeconds(1));
    }
    return now;
  }

  static BackfillLeases lease(Database database, Migration migration, int points) {
    return database
        .migrations()
        .lease(migration.id(), BackfillSide.FORWARD, points, Duration.ofMinutes(1));
  }

  static BackfillCommit commit(BackfillLease lease, EmbeddingSpec model) {
    Value text = lease.source().get("text");
    return new BackfillCommit(
        lease.id(),
        lease.seq(),
        lease.contentHash(),
        embed(model, text == null ? "" : ((Value.StringValue) text).value()));
  }

  /// Works the backlog off; returns the outcomes.
  static List<CommitResult> drain(Database database, Migration migration) {
    List<CommitResult> results = new ArrayList<>();
    while (true) {
      BackfillLeases leases = lease(database, migration, 100);
      if (leases.leases().isEmpty()) {
        return results;
      }
      results.addAll(
          database
              .migrations()
              .commit(
                  migration.id(),
                  BackfillSide.FORWARD,
                  leases.leases().stream().map(lease -> commit(lease, NEW)).toList())
              .join());
    }
  }

  /// A migration taken to READY.
  static Migration ready(Database database, Migration migration) {
    drain(database, migration);
    Migration now = database.migrations().get(migration.id());
    for (MigrationState state : List.of(MigrationState.BACKFILLING, MigrationState.INDEXING)) {
      now = awaitState(database, now, state);
    }
    return database
        .migrations()
        .verified(migration.id(), new VerificationReport(1, 0, "compared"), NOTE);
  }

  static Migration switched(Database database, Migration migration) {
    ready(database, migration);
    return database.migrations().switchTraffic(migration.id(), 10_000, 0, false, NOTE);
  }

  /// The stored vector of one version.
  static Optional<Vector> vector(Database database, String id, int version) {
    return vector(database, PointId.of(id), version);
  }

  static Optional<Vector> vector(Database database, PointId id, int version) {
    List<Point> points =
        database.get(
            COLLECTION,
            List.of(id),
            new ReadOptions(Selector.ALL, Selector.ALL, 0, Map.of("default", version)));
    return points.isEmpty()
        ? Optional.empty()
        : Optional.ofNullable(points.getFirst().vectors().get("default"));
  }
}
