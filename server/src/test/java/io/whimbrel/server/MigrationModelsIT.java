package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.migration.BackfillStats;
import io.whimbrel.client.migration.BackfillWorker;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationSpec;
import io.whimbrel.client.migration.MigrationState;
import io.whimbrel.client.migration.Migrations;
import io.whimbrel.client.migration.VDiff;
import io.whimbrel.server.cli.files.MatrixFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// One corpus from model to model of other dimensions, twice, with the vectors that the models
/// gave.
///
/// Needs the folder `msmarco-dl-queries-5models` in `-Dwhimbrel.data`; without it the test is
/// skipped.
class MigrationModelsIT {
  private static final String DOCS = "docs";
  private static final Pattern ROW = Pattern.compile(".*\"text\": \"(.*)\"}");
  private static final Duration WAIT_MAX = Duration.ofMinutes(2);
  private static final EmbeddingSpec ADA = spec("openai", "text-embedding-ada-002", 1536);
  private static final EmbeddingSpec COHERE = spec("cohere", "embed-english-v3.0", 1024);
  private static final EmbeddingSpec COSDPR = spec("castorini", "cosdpr-distil", 768);

  @TempDir Path directory;

  @Test
  void movesFromModelToModelOfOtherDimensions() throws Exception {
    String data = System.getProperty("whimbrel.data");
    assumeTrue(data != null, "whimbrel.data is not set");
    Path folder = Path.of(data, "msmarco-dl-queries-5models");
    assumeTrue(Files.isDirectory(folder), folder + " is not there");
    List<String> texts = texts(folder.resolve("texts.jsonl"));
    float[][] ada = MatrixFile.readVectors(folder.resolve("openai-ada2.fvecs"));
    Map<String, float[]> cohere = byText(texts, folder.resolve("cohere-embed-english-v3.0.fvecs"));
    Map<String, float[]> cosdpr = byText(texts, folder.resolve("cosdpr-distil.fvecs"));
    // What has no generated answer has a zero vector there; one text is embedded like that here.
    float[][] hyde = MatrixFile.readVectors(folder.resolve("openai-ada2-hyde.fvecs"));
    int unanswered = firstZero(hyde);
    cohere.put(texts.get(unanswered), new float[COHERE.dimension()]);

    WhimbrelServer server =
        WhimbrelServer.start(
            ServerConfig.load(Map.of("port", "0", "data", directory.toString()), Map.of()));
    try (WhimbrelClient client =
        WhimbrelClient.builder().address("127.0.0.1", server.port()).build()) {
      client.createCollection(CollectionSpec.of(DOCS, ADA));
      List<Point> points = new ArrayList<>();
      for (int row = 0; row < texts.size(); row++) {
        points.add(
            Point.of(
                PointId.of(row),
                Map.of("text", new Value.StringValue(texts.get(row))),
                Vector.of(ada[row])));
      }
      client.upsert(DOCS, points);

      Migration first = migrate(client, COHERE, cohere, texts.size() - 1, 1);
      assertThat(first.history()).extracting(Migration.Event::reason).contains("no answer");
      Migration second = migrate(client, COSDPR, cosdpr, texts.size() - 1, 0);
      assertThat(second.toVersion()).isEqualTo(3);

      int asked = 0;
      for (int row = 0; row < texts.size(); row++) {
        Vector query =
            Vector.of(Objects.requireNonNull(cosdpr.get(texts.get(row)))).inSpace(space(client));
        PointId best =
            client.search(DOCS, SearchRequest.builder(query).k(1).build()).hits().getFirst().id();
        // The text with the dead letter is in no version any more.
        assertThat(best.equals(PointId.of(row))).as("row %d", row).isEqualTo(row != unanswered);
        asked++;
      }
      assertThat(asked).isEqualTo(243);
      assertThat(client.count(DOCS)).isEqualTo(243);
    } finally {
      server.stop();
    }
  }

  /// From plan to complete; every vector of the old space is refused at the end.
  private static Migration migrate(
      WhimbrelClient client,
      EmbeddingSpec to,
      Map<String, float[]> vectors,
      int stored,
      int deadLetters) {
    Migrations migrations = client.migrations();
    Migration migration = migrations.create(MigrationSpec.builder(DOCS, to).build());
    String id = migration.id();
    await(migrations, id, m -> m.state() == MigrationState.BACKFILLING);
    BackfillStats stats =
        BackfillWorker.builder(client, id, text -> Objects.requireNonNull(vectors.get(text)))
            .build()
            .run();
    assertThat(stats.stored()).isEqualTo(stored);
    assertThat(stats.deadLetters()).isEqualTo(deadLetters);
    assertThat(migrations.deadLetters(id, 10, "").entries()).hasSize(deadLetters);
    if (deadLetters > 0) {
      assertThat(migrations.waiveDeadLetters(id, "no answer").progress().deadLetters()).isZero();
    }
    await(migrations, id, m -> m.state() == MigrationState.VERIFYING);
    VDiff vdiff = migrations.startVDiff(id);
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    while (vdiff.state() == VDiff.State.RUNNING && System.nanoTime() < deadline) {
      pause();
      vdiff = migrations.vdiff(id);
    }
    assertThat(vdiff.clean()).as("%s", vdiff).isTrue();
    await(migrations, id, m -> m.state() == MigrationState.READY);

    Vector old = Vector.of(unit(migration.from().dimension())).inSpace(migration.from().spaceId());
    migrations.switchTraffic(id, 10_000);
    assertRefused(
        client,
        Vector.of(unit(to.dimension())).inSpace("0123456789abcdef0123456789abcdef"),
        ErrorCode.SPACE_MISMATCH);
    migrations.complete(id, DOCS, false, true);
    await(migrations, id, m -> m.state() == MigrationState.COMPLETED);
    assertRefused(client, old, ErrorCode.OLD_SPACE);
    return migrations.get(id);
  }

  private static void assertRefused(WhimbrelClient client, Vector query, ErrorCode code) {
    assertThatThrownBy(() -> client.search(DOCS, SearchRequest.builder(query).k(1).build()))
        .isInstanceOfSatisfying(
            WhimbrelException.class, refusal -> assertThat(refusal.code()).isEqualTo(code));
  }

  private static float[] unit(int dimension) {
    float[] values = new float[dimension];
    values[0] = 1;
    return values;
  }

  private static String space(WhimbrelClient client) {
    return client.collection(DOCS).fields().getFirst().versions().getFirst().spec().spaceId();
  }

  private static void await(Migrations migrations, String id, Predicate<Migration> until) {
    long deadline = System.nanoTime() + WAIT_MAX.toNanos();
    for (Migration now = migrations.get(id); !until.test(now); now = migrations.get(id)) {
      assertThat(System.nanoTime()).as("%s", now).isLessThan(deadline);
      pause();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> texts(Path file) throws IOException {
    List<String> texts = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      Matcher row = ROW.matcher(line);
      assertThat(row.matches()).as(line).isTrue();
      texts.add(row.group(1));
    }
    return texts;
  }

  private static Map<String, float[]> byText(List<String> texts, Path file) throws IOException {
    float[][] vectors = MatrixFile.readVectors(file);
    Map<String, float[]> byText = new HashMap<>();
    for (int row = 0; row < vectors.length; row++) {
      byText.put(texts.get(row), vectors[row]);
    }
    return byText;
  }

  private static int firstZero(float[][] vectors) {
    for (int row = 0; row < vectors.length; row++) {
      double squares = 0;
      for (float value : vectors[row]) {
        squares += value * value;
      }
      if (squares == 0) {
        return row;
      }
    }
    throw new AssertionError("no zero vector");
  }

  private static EmbeddingSpec spec(String provider, String model, int dimension) {
    return EmbeddingSpec.builder(dimension, Metric.COSINE)
        .model(provider, model, "1")
        .sourceFields(List.of("text"))
        .build();
  }
}
