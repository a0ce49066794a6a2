package io.whimbrel.core.engine;

import static io.whimbrel.core.engine.MovingDocs.COLLECTION;
import static io.whimbrel.core.engine.MovingDocs.NOTE;
import static io.whimbrel.core.engine.MovingDocs.awaitState;
import static io.whimbrel.core.engine.MovingDocs.lease;
import static io.whimbrel.core.engine.MovingDocs.payload;
import static io.whimbrel.core.engine.MovingDocs.start;
import static io.whimbrel.core.engine.MovingDocs.upsert;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.BackfillCommit;
import io.whimbrel.core.model.BackfillLease;
import io.whimbrel.core.model.BackfillSide;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.VerificationReport;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Fields of token matrices that move: to another model, from one vector a point, to fewer tokens,
/// to one vector a point. A made-up model has a vector for each word of a text.
final class MultiVectorMigrationTest {
  private static final int DIMENSION = 12;
  private static final EmbeddingSpec DENSE =
      spec("dense", Cardinality.SINGLE, new IndexSpec.Flat(), Origin.CLIENT);
  private static final EmbeddingSpec OLD =
      spec("old", Cardinality.MULTI, new IndexSpec.MultiVector(64), Origin.CLIENT);
  private static final EmbeddingSpec NEW =
      spec("new", Cardinality.MULTI, new IndexSpec.MultiVector(64), Origin.CLIENT);
  private static final List<String> TEXTS =
      List.of(
          "a bird with a long curved bill",
          "waders breed on moors",
          "whimbrel",
          "the tide runs out over the mud and the birds follow the tide");

  @TempDir private Path directory;
  private Database database;
  private Migrations migrations;

  private static EmbeddingSpec spec(
      String model, Cardinality cardinality, IndexSpec index, Origin origin) {
    return new EmbeddingSpec(
        new ModelId("test", model, "1"),
        DIMENSION,
        Metric.COSINE,
        cardinality,
        Storage.FLOAT32,
        index,
        List.of("text"),
        origin,
        false,
        "",
        "");
  }

  @BeforeEach
  void open() throws IOException {
    database = Database.open(directory);
    migrations = database.migrations();
  }

  @AfterEach
  void close() {
    database.close();
  }

  /// What the model makes of the text: a row a word, or their mean.
  private static Vector embed(EmbeddingSpec model, String text) {
    String[] words = text.split(" ");
    boolean multi = model.cardinality() == Cardinality.MULTI;
    float[] values = new float[(multi ? words.length : 1) * DIMENSION];
    for (int w = 0; w < words.length; w++) {
      SplittableRandom random =
          new SplittableRandom(31L * words[w].hashCode() + model.model().name().hashCode());
      for (int i = 0; i < DIMENSION; i++) {
        values[(multi ? w * DIMENSION : 0) + i] += (float) (random.nextDouble() - 0.5);
      }
    }
    return new Vector(values, multi ? words.length : 1, model.spaceId());
  }

  private static PointWrite point(int id, EmbeddingSpec... models) {
    String text = TEXTS.get(id);
    return PointWrite.of(
        PointId.of(id), payload(text), java.util.Arrays.stream(models).map(m -> embed(m, text)).toList());
  }

  private void create(EmbeddingSpec spec) {
    database.createCollection(CollectionSpec.of(COLLECTION, spec));
    upsert(database, point(0, spec), point(1, spec), point(2, spec));
  }

  private static BackfillCommit commit(BackfillLease lease, EmbeddingSpec model) {
    String text = ((Value.StringValue) requireNonNull(lease.source().get("text"))).value();
    return new BackfillCommit(lease.id(), lease.seq(), lease.contentHash(), embed(model, text));
  }

  private void byClients(EmbeddingSpec from, EmbeddingSpec to) throws IOException {
    create(from);
    Migration migration = start(database, MigrationSpec.of(COLLECTION, "default", to));
    upsert(database, point(3, from, to));
    List<BackfillLease> leases = lease(database, migration, 100).leases();
    assertThat(leases).hasSize(3);
    // A worker of the wrong shape is told so, and spoils nothing.
    BackfillLease first = leases.getFirst();
    Vector narrow = new Vector(new float[] {1, 2}, 1, "");
    assertThatThrownBy(() ->
            migrations.commit(
                migration.id(),
                BackfillSide.FORWARD,
                List.of(new BackfillCommit(first.id(), first.seq(), first.contentHash(), narrow))))
        .hasMessageContaining("vectors[0].vector dimension: 1 x 2");
    migrations
        .commit(
            migration.id(),
            BackfillSide.FORWARD,
            leases.stream().map(lease -> commit(lease, to)).toList())
        .join();
    finish(migration);
    for (int id = 0; id < TEXTS.size(); id++) {
      assertThat(stored(id, 2)).isEqualTo(embed(to, TEXTS.get(id)).values());
      check(id, embed(to, TEXTS.get(id)));
    }
    assertThatThrownBy(() -> search(embed(from, TEXTS.getFirst())))
        .isInstanceOf(WhimbrelException.class);
  }

  private void finish(Migration migration) throws IOException {
    Migration now = migrations.get(migration.id());
    for (MigrationState state :
        List.of(MigrationState.DUAL_WRITE, MigrationState.BACKFILLING, MigrationState.INDEXING)) {
      now = awaitState(database, now, state);
    }
    migrations.verified(migration.id(), new VerificationReport(1, 0, "compared"), NOTE);
    migrations.switchTraffic(migration.id(), 10_000, 0, false, NOTE);
    migrations.complete(migration.id(), COLLECTION, false, true, NOTE);
    awaitState(database, migrations.get(migration.id()), MigrationState.COMPLETING);
    database.close();
    open();
  }

  private io.whimbrel.core.model.SearchResult search(Vector query) {
    return database.search(COLLECTION, SearchRequest.of(query, 4));
  }

  private void check(int id, Vector query) {
    var result = search(query);
    assertThat(result.servedVersion()).isEqualTo(2);
    assertThat(result.hits().getFirst().point().id()).isEqualTo(PointId.of(id));
  }

  private float[] stored(int id, int version) {
    return MovingDocs.vector(database, PointId.of(id), version).orElseThrow().values();
  }

  @Test
  void clientsMoveTokensToAnotherModel() throws IOException {
    byClients(OLD, NEW);
  }

  @Test
  void clientsMoveOneVectorToTokens() throws IOException {
    byClients(DENSE, NEW);
  }

  @Test
  void clientsMoveTokensToOneVector() throws IOException {
    byClients(OLD, DENSE);
  }

  @Test
  void tokensArePooled() throws IOException {
    create(OLD);
    EmbeddingSpec pooled =
        spec("old", Cardinality.MULTI, new IndexSpec.MultiVector(64, 2), Origin.DERIVED);
    assertThat(migrations.plan(MigrationSpec.of(COLLECTION, "default", pooled)).pointsToEmbed())
        .isZero();
    Migration migration = start(database, MigrationSpec.of(COLLECTION, "default", pooled));
    upsert(database, point(3, OLD));
    finish(migration);
    for (int id = 0; id < TEXTS.size(); id++) {
      int words = TEXTS.get(id).split(" ").length;
      assertThat(stored(id, 2)).hasSize(Math.ceilDiv(words, 2) * DIMENSION);
      // A client goes on with all tokens of its query.
      check(id, embed(OLD, TEXTS.get(id)));
    }
    assertThat(database.describe(COLLECTION).fields().getFirst().versions().getFirst().spec().index())
        .isEqualTo(new IndexSpec.MultiVector(64, 2));
    // A point that is written now is pooled too.
    upsert(database, point(0, OLD));
    assertThat(stored(0, 2)).hasSize(4 * DIMENSION);
  }

  @Test
  void tokensBecomeTheirMean() throws IOException {
    create(OLD);
    EmbeddingSpec mean = spec("old", Cardinality.SINGLE, new IndexSpec.Flat(), Origin.DERIVED);
    Migration migration = start(database, MigrationSpec.of(COLLECTION, "default", mean));
    upsert(database, point(3, OLD));
    finish(migration);
    for (int id = 0; id < TEXTS.size(); id++) {
      assertThat(stored(id, 2)).hasSize(DIMENSION);
      check(id, embed(OLD, TEXTS.get(id)));
    }
  }

  @Test
  void refusesWhatCannotBeDerived() {
    create(OLD);
    EmbeddingSpec same =
        spec("old", Cardinality.MULTI, new IndexSpec.MultiVector(64), Origin.DERIVED);
    refused(same, "the same as the present version");
    refused(
        spec("new", Cardinality.MULTI, new IndexSpec.MultiVector(64, 2), Origin.CLIENT),
        "pool_factor: 2 (expected: 1, for origin CLIENT");
    assertThatThrownBy(() ->
            database.createCollection(
                CollectionSpec.of(
                    "pooled",
                    spec("x", Cardinality.MULTI, new IndexSpec.MultiVector(64, 2), Origin.CLIENT))))
        .hasMessageContaining("pool_factor: 2");
    assertThatThrownBy(() -> new IndexSpec.MultiVector(64, 65))
        .hasMessageContaining("index.multi_vector.pool_factor: 65 (expected: 1 to 64");
  }

  private void refused(EmbeddingSpec to, String message) {
    assertThatThrownBy(() ->
            migrations.create(MigrationSpec.of(COLLECTION, "default", to), true, NOTE))
        .isInstanceOf(WhimbrelException.class)
        .hasMessageContaining(message);
  }
}
