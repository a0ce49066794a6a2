package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatabaseTest {
  private static final String DOCS = "docs";

  @TempDir private Path directory;

  @Test
  void repeatedRequestIdGetsTheFirstAnswerAlsoAfterReopening() throws IOException {
    WriteOptions options = new WriteOptions("load-1", Durability.SYNC);
    WriteResult first;
    try (Database database = open()) {
      create(database, 2);
      first = database.write(DOCS, upsert(1, 2), options).join();
      database.write(DOCS, delete(1), WriteOptions.DEFAULT).join();
      WriteResult again = database.write(DOCS, upsert(1, 2), options).join();
      assertThat(again).isEqualTo(new WriteResult(first.seq(), 2, Durability.SYNC, 0, true));
      assertThat(database.count(DOCS, 0)).as("nothing was written again").isEqualTo(1);
      assertRefused(
          ErrorCode.REQUEST_ID_REUSED, () -> database.write(DOCS, upsert(1, 3), options).join());
    }
    try (Database database = open()) {
      WriteResult again = database.write(DOCS, upsert(1, 2), options).join();
      assertThat(again.seq()).isEqualTo(first.seq());
      assertThat(again.repeated()).isTrue();
      assertThat(database.count(DOCS, 0)).isEqualTo(1);
    }
  }

  @Test
  void sameRequestIdSubmittedManyTimesAtOnceWritesOnce() throws IOException {
    try (Database database = open()) {
      create(database, 2);
      WriteOptions options = new WriteOptions("once", Durability.SYNC);
      List<CompletableFuture<WriteResult>> answers = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        answers.add(database.write(DOCS, upsert(7), options));
      }
      assertThat(answers.stream().map(CompletableFuture::join).map(WriteResult::seq).distinct())
          .hasSize(1);
      assertThat(answers.stream().map(CompletableFuture::join).filter(r -> !r.repeated()))
          .hasSize(1);
    }
  }

  @Test
  void compareAndSetLetsOneOfManyWin() throws IOException {
    try (Database database = open()) {
      create(database, 2);
      List<CompletableFuture<WriteResult>> answers = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        PointWrite point =
            new PointWrite(
                PointId.of("one"),
                Map.of(),
                Map.of("default", Vector.of(i, 1)),
                OptionalLong.of(0));
        answers.add(
            database.write(DOCS, new Mutation.Upsert(List.of(point)), WriteOptions.DEFAULT));
      }
      long won =
          answers.stream()
              .filter(answer -> answer.handle((result, failure) -> failure == null).join())
              .count();
      assertThat(won).isEqualTo(1);
    }
  }

  @Test
  void asynchronousWritesAreVisibleAtOnceAndThereAfterACleanClose() throws IOException {
    WriteOptions async = new WriteOptions("", Durability.ASYNC);
    try (Database database = open()) {
      create(database, 2);
      WriteResult result = database.write(DOCS, upsert(1, 2, 3), async).join();
      assertThat(result.durability()).isEqualTo(Durability.ASYNC);
      assertThat(result.durableWithinMillis())
          .isEqualTo((int) DatabaseOptions.DEFAULT.asyncFlush().toMillis());
      assertThat(database.search(DOCS, SearchRequest.of(Vector.of(1, 1), 10)).hits()).hasSize(3);
      assertThat(database.flush()).isEqualTo(result.seq());
    }
    try (Database database = open()) {
      assertThat(database.count(DOCS, 0)).isEqualTo(3);
    }
  }

  @Test
  void deletedCollectionIsGoneAndItsNameIsFree() throws IOException {
    try (Database database = open()) {
      create(database, 2);
      database.write(DOCS, upsert(1, 2, 3), WriteOptions.DEFAULT).join();
      assertThat(database.deleteCollection(DOCS)).isEqualTo(3);
      assertRefused(ErrorCode.COLLECTION_NOT_FOUND, () -> database.count(DOCS, 0));
      assertRefused(
          ErrorCode.COLLECTION_NOT_FOUND,
          () -> database.search(DOCS, SearchRequest.of(Vector.of(1, 1), 1)));
      create(database, 3);
      assertThat(database.count(DOCS, 0)).isZero();
    }
    try (Database database = open()) {
      CollectionInfo docs = database.describe(DOCS);
      assertThat(docs.points()).isZero();
      assertThat(docs.fields().getFirst().versions().getFirst().spec().dimension()).isEqualTo(3);
    }
  }

  @Test
  void aWriteIsSeenWholeOrNotAtAllBySearchesBesideIt() throws IOException {
    try (Database database = open()) {
      create(database, 2);
      database.write(DOCS, generation(0), WriteOptions.DEFAULT).join();
      Thread writer =
          Thread.ofPlatform()
              .start(() -> {
                for (int i = 1; i <= 200; i++) {
                  database.write(DOCS, generation(i), WriteOptions.DEFAULT).join();
                }
              });
      do {
        SearchResult result = database.search(DOCS, SearchRequest.of(Vector.of(0, 0), 10));
        assertThat(result.hits()).hasSize(4);
        // Every point of a generation has the same distance from the origin.
        assertThat(result.hits().stream().map(SearchResult.Hit::score).distinct()).hasSize(1);
      } while (writer.isAlive());
    }
  }

  @Test
  void manyUpdatesDoNotGrowTheIndexWithoutEnd() throws IOException {
    try (Database database = open()) {
      create(database, 2);
      int[] ids = IntStream.range(0, 500).toArray();
      for (int i = 0; i < 60; i++) {
        database.write(DOCS, upsert(ids), WriteOptions.DEFAULT).join();
      }
      var version = database.describe(DOCS).fields().getFirst().versions().getFirst();
      assertThat(version.live()).isEqualTo(500);
      // 30,000 rows of 64 bytes were written; tombstones are bounded by 4,096 beside the live rows.
      assertThat(version.indexBytes()).isLessThan(20_000 * 64);
      assertThat(database.search(DOCS, SearchRequest.of(Vector.of(0, 1), 1000)).hits())
          .hasSize(500);
    }
  }

  @Test
  void anAnswerBeyondItsBoundIsRefused() throws IOException {
    try (Database database = open()) {
      create(database, Limits.DIMENSION_MAX);
      List<PointId> ids = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        PointWrite point =
            PointWrite.of(PointId.of(i), Map.of(), Vector.of(new float[Limits.DIMENSION_MAX]));
        ids.add(point.id());
        database.write(
            DOCS, new Mutation.Upsert(List.of(point)), new WriteOptions("", Durability.ASYNC));
      }
      database.flush();
      ReadOptions everything = new ReadOptions(Selector.ALL, Selector.ALL, 0);
      assertRefused(ErrorCode.LIMIT_EXCEEDED, () -> database.get(DOCS, ids, everything));
      assertThat(database.get(DOCS, ids, ReadOptions.DEFAULT)).hasSize(300);
      assertThat(database.scroll(DOCS, new byte[0], 300, everything).points())
          .as("a page ends by its bytes instead")
          .hasSizeBetween(1, 100);
    }
  }

  @Test
  void withoutOriginalsReadsGiveWhatTheCodesStandFor() throws IOException {
    EmbeddingSpec spec =
        EmbeddingSpec.flat(ModelId.UNNAMED, 384, Metric.COSINE).stored(Storage.INT8, false);
    float[] written = Seeds.gaussian(Seeds.random("codes"), 384);
    PointWrite point = PointWrite.of(PointId.of(1), Map.of(), Vector.of(written));
    ReadOptions everything = new ReadOptions(Selector.ALL, Selector.ALL, 0);
    float[] read;
    double score;
    try (Database database = open()) {
      database.createCollection(CollectionSpec.of(DOCS, spec));
      assertThat(database.describe(DOCS).fields().getFirst().versions().getFirst().spec())
          .isEqualTo(spec);
      database.write(DOCS, new Mutation.Upsert(List.of(point)), WriteOptions.DEFAULT).join();
      read = vector(database.get(DOCS, List.of(point.id()), everything).getFirst());
      score =
          database.search(DOCS, SearchRequest.of(Vector.of(written), 1)).hits().getFirst().score();
    }
    // The widest range of so many Gaussian values, its four outliers left out, is below 6.
    for (int i = 0; i < written.length; i++) {
      assertThat(read[i]).isCloseTo(written[i], within(3f / 255));
    }
    assertThat(read).isNotEqualTo(written);
    assertThat(score).isCloseTo(1, within(1e-6));
    try (Database database = open()) {
      assertThat(database.describe(DOCS).fields().getFirst().versions().getFirst().spec())
          .isEqualTo(spec);
      assertThat(vector(database.get(DOCS, List.of(point.id()), everything).getFirst()))
          .isEqualTo(read);
      assertThat(database.scroll(DOCS, new byte[0], 9, everything).points())
          .singleElement()
          .satisfies(scrolled -> assertThat(vector(scrolled)).isEqualTo(read));
      assertThat(database.search(DOCS, SearchRequest.of(Vector.of(written), 1)).hits())
          .singleElement()
          .satisfies(hit -> assertThat((double) hit.score()).isEqualTo(score));
      // What was read stores the same again.
      PointWrite again = PointWrite.of(PointId.of(2), Map.of(), Vector.of(read));
      database.write(DOCS, new Mutation.Upsert(List.of(again)), WriteOptions.DEFAULT).join();
      assertThat(vector(database.get(DOCS, List.of(again.id()), everything).getFirst()))
          .isEqualTo(read);
    }
  }

  private static float[] vector(Point point) {
    return Objects.requireNonNull(point.vectors().get("default")).values();
  }

  @Test
  void codesTakeAQuarterOfTheBytesInTheStore() throws IOException {
    long[] bytes = new long[2];
    Random random = Seeds.random("codesTakeAQuarterOfTheBytesInTheStore");
    for (int i = 0; i < bytes.length; i++) {
      try (Database database = Database.open(directory.resolve("store" + i))) {
        EmbeddingSpec spec =
            EmbeddingSpec.flat(ModelId.UNNAMED, 768, Metric.DOT).stored(Storage.INT8, i == 0);
        database.createCollection(CollectionSpec.of(DOCS, spec));
        List<PointWrite> points = new ArrayList<>();
        for (int p = 0; p < 1000; p++) {
          points.add(
              PointWrite.of(PointId.of(p), Map.of(), Vector.of(Seeds.gaussian(random, 768))));
        }
        database.write(DOCS, new Mutation.Upsert(points), WriteOptions.DEFAULT).join();
        assertThat(database.describe(DOCS).fields().getFirst().versions().getFirst().live())
            .isEqualTo(1000);
        bytes[i] = database.status().diskBytes();
      }
    }
    // Besides rows there is a log of the same size and files of fixed size.
    assertThat(bytes[1]).isLessThan(bytes[0] / 2);
  }

  @Test
  void float32WithoutOriginalsIsRefused() {
    EmbeddingSpec floats = EmbeddingSpec.flat(ModelId.UNNAMED, 3, Metric.DOT);
    assertRefused(ErrorCode.INVALID_ARGUMENT, () -> floats.stored(Storage.FLOAT32, false));
  }

  @Test
  void aClosedDatabaseRefusesEverything() throws IOException {
    Database database = open();
    create(database, 2);
    database.close();
    assertRefused(
        ErrorCode.UNAVAILABLE, () -> database.write(DOCS, upsert(1), WriteOptions.DEFAULT));
    assertRefused(ErrorCode.UNAVAILABLE, () -> database.count(DOCS, 0));
    assertRefused(ErrorCode.UNAVAILABLE, database::status);
    assertRefused(ErrorCode.UNAVAILABLE, database::flush);
  }

  @Test
  void aSecondOpenOfTheSameDirectoryIsRefused() throws IOException {
    Database first = open();
    try (first) {
      assertThatThrownBy(this::open)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("another process");
    }
  }

  private Database open() throws IOException {
    return Database.open(directory);
  }

  private static void create(Database database, int dimension) {
    database.createCollection(
        CollectionSpec.of(DOCS, EmbeddingSpec.flat(ModelId.UNNAMED, dimension, Metric.L2)));
  }

  private static Mutation upsert(int... ids) {
    List<PointWrite> points = new ArrayList<>();
    for (int id : ids) {
      points.add(PointWrite.of(PointId.of(id), Map.of(), Vector.of(id, 1)));
    }
    return new Mutation.Upsert(points);
  }

  /// Four points on the axes, at the same distance from the origin.
  private static Mutation generation(int n) {
    float distance = n + 1f;
    List<Vector> corners =
        List.of(
            Vector.of(distance, 0),
            Vector.of(-distance, 0),
            Vector.of(0, distance),
            Vector.of(0, -distance));
    List<PointWrite> points = new ArrayList<>();
    for (int i = 0; i < corners.size(); i++) {
      points.add(PointWrite.of(PointId.of(i), Map.of(), corners.get(i)));
    }
    return new Mutation.Upsert(points);
  }

  private static Mutation delete(int id) {
    return new Mutation.Delete(List.of(PointId.of(id)), OptionalLong.empty());
  }

  private static void assertRefused(ErrorCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .extracting(e -> e instanceof CompletionException wrapped ? wrapped.getCause() : e)
        .isInstanceOfSatisfying(
            WhimbrelException.class, refusal -> assertThat(refusal.code()).isEqualTo(code));
  }
}
