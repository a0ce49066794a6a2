package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What becomes of an index whose file is whole, old, missing, damaged or another's: the answers
/// are always those of the points that are stored.
@Timeout(120)
class IndexFilesTest {
  private static final int DIMENSION = 12;
  private static final String COLLECTION = "graph";

  @TempDir private Path directory;

  private final Random random = Seeds.random("IndexFiles");
  private final Map<Integer, float[]> points = new TreeMap<>();

  private Path file() {
    return directory.resolve("index").resolve("1-1-1.hnsw");
  }

  private Path bad() {
    return directory.resolve("index").resolve("1-1-1.hnsw.bad");
  }

  private void make(int count) throws IOException {
    try (Database database = Database.open(directory)) {
      create(database, COLLECTION);
      for (int from = 0; from < count; from += 500) {
        upsert(database, from, Math.min(count, from + 500));
      }
      awaitIndexed(database);
    }
  }

  private static void create(Database database, String name) {
    database.createCollection(
        CollectionSpec.of(
            name,
            EmbeddingSpec.of(ModelId.UNNAMED, DIMENSION, Metric.L2, new IndexSpec.Hnsw(8, 60))));
  }

  private void upsert(Database database, int from, int to) {
    List<PointWrite> writes = new ArrayList<>();
    for (int i = from; i < to; i++) {
      points.put(i, Seeds.gaussian(random, DIMENSION));
      writes.add(PointWrite.of(PointId.of(i), Map.of(), Vector.of(points.get(i))));
    }
    database.write(COLLECTION, new Mutation.Upsert(writes), WriteOptions.DEFAULT).join();
  }

  private void delete(Database database, int id) {
    points.remove(id);
    var delete = new Mutation.Delete(List.of(PointId.of(id)), OptionalLong.empty());
    database.write(COLLECTION, delete, WriteOptions.DEFAULT).join();
  }

  private static CollectionInfo.VersionInfo info(Database database) {
    return database.describe(COLLECTION).fields().getFirst().versions().getFirst();
  }

  private static void awaitIndexed(Database database) throws IOException {
    while (info(database).pending() > 0) {
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
    assertThat(info(database).coverage()).isEqualTo(1);
    assertThat(info(database).indexNote()).isEmpty();
  }

  private static SearchResult search(Database database, float[] query, int k, boolean exact) {
    return database.search(
        COLLECTION,
        new SearchRequest(
            "default",
            0,
            Vector.of(query),
            k,
            OptionalDouble.empty(),
            0,
            exact,
            ReadOptions.DEFAULT));
  }

  /// Every point is found, with nothing else; walks find most of what an exact search does.
  private void compare(Database database) {
    assertThat(info(database).live()).isEqualTo(points.size());
    points.forEach((id, values) -> {
      SearchResult nearest = search(database, values, 1, true);
      assertThat(nearest.hits().getFirst().point().id()).isEqualTo(PointId.of(id));
      assertThat(nearest.hits().getFirst().score()).isZero();
    });
    int found = 0;
    for (int q = 0; q < 50; q++) {
      float[] query = Seeds.gaussian(random, DIMENSION);
      List<PointId> exact = ids(search(database, query, 10, true));
      List<PointId> walked = ids(search(database, query, 10, false));
      assertThat(walked).hasSize(10).doesNotHaveDuplicates();
      found += (int) walked.stream().filter(exact::contains).count();
    }
    assertThat(found).isGreaterThan(450);
  }

  private static List<PointId> ids(SearchResult result) {
    return result.hits().stream().map(hit -> hit.point().id()).toList();
  }

  @Test
  void aCleanOpenHasNothingToBuild() throws IOException {
    make(2_000);
    byte[] saved = Files.readAllBytes(file());
    try (Database database = Database.open(directory)) {
      assertThat(info(database).pending()).isZero();
      assertThat(info(database).indexNote()).isEmpty();
      compare(database);
    }
    // Nothing changed, so nothing was written.
    assertThat(Files.readAllBytes(file())).isEqualTo(saved);
    assertThat(bad()).doesNotExist();
  }

  /// Writes after the file was saved, then an end without a close: the directory is copied while
  /// the database is open.
  @Test
  void anOldFileIsBroughtUpToDate(@TempDir Path copy) throws IOException {
    make(2_000);
    try (Database database = Database.open(directory)) {
      upsert(database, 1_900, 2_100);
      for (int id = 0; id < 300; id += 3) {
        delete(database, id);
      }
      var payload =
          new Mutation.UpdatePayload(
              List.of(PointId.of(1)),
              new Mutation.PayloadChange.Set(Map.of("a", new Value.IntValue(1))),
              OptionalLong.empty());
      database.write(COLLECTION, payload, WriteOptions.DEFAULT).join();
      copy(directory, copy);
    }
    Files.copy(
        directory.resolve("STAMP"), copy.resolve("STAMP"), StandardCopyOption.REPLACE_EXISTING);
    try (Database database = Database.open(copy)) {
      // Only what changed waits to be linked.
      assertThat(info(database).pending()).isLessThanOrEqualTo(200);
      compare(database);
      awaitIndexed(database);
      compare(database);
    }
    assertThat(copy.resolve("index").resolve("1-1-1.hnsw.bad")).doesNotExist();
    try (Database database = Database.open(directory)) {
      compare(database);
    }
  }

  @Test
  void aMissingFileIsBuiltAnew() throws IOException {
    make(1_500);
    Files.delete(file());
    rebuilds("there is no index file", false);
  }

  @Test
  void aDamagedFileIsSetAsideAndBuiltAnew() throws IOException {
    make(1_500);
    byte[] whole = Files.readAllBytes(file());
    for (int at : new int[] {3, 100, whole.length / 2, whole.length - 20}) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 16;
      Files.write(file(), flipped);
      rebuilds("set aside", true);
    }
    Files.write(file(), Arrays.copyOf(whole, whole.length - 4_096));
    rebuilds("set aside", true);
    Files.write(file(), new byte[0]);
    rebuilds("set aside", true);
  }

  @Test
  void theFileOfAnotherCollectionIsSetAside() throws IOException {
    make(1_500);
    try (Database database = Database.open(directory)) {
      create(database, "other");
      var point = PointWrite.of(PointId.of(1), Map.of(), Vector.of(new float[DIMENSION]));
      database.write("other", new Mutation.Upsert(List.of(point)), WriteOptions.DEFAULT).join();
    }
    Files.copy(
        directory.resolve("index").resolve("2-1-1.hnsw"),
        file(),
        StandardCopyOption.REPLACE_EXISTING);
    rebuilds("set aside", true);
  }

  /// As after a restored backup of the store alone.
  @Test
  void aFileThatIsAheadOfTheStoreIsSetAside(@TempDir Path older) throws IOException {
    make(1_500);
    copy(directory, older);
    Map<Integer, float[]> before = new TreeMap<>(points);
    try (Database database = Database.open(directory)) {
      upsert(database, 0, 100);
    }
    Files.copy(
        file(), older.resolve("index").resolve("1-1-1.hnsw"), StandardCopyOption.REPLACE_EXISTING);
    points.clear();
    points.putAll(before);
    directory = older;
    rebuilds("the store ends at", true);
  }

  private void rebuilds(String reason, boolean setAside) throws IOException {
    Files.deleteIfExists(bad());
    try (Database database = Database.open(directory)) {
      // A fast worker may be through already.
      CollectionInfo.VersionInfo info = info(database);
      assertThat(info.indexNote().isEmpty() ? "rebuilding: " + reason : info.indexNote())
          .contains("rebuilding: ")
          .contains(reason);
      compare(database);
      awaitIndexed(database);
      compare(database);
    }
    assertThat(Files.exists(bad())).isEqualTo(setAside);
    try (Database database = Database.open(directory)) {
      assertThat(info(database).pending()).isZero();
      compare(database);
    }
  }

  @Test
  void aDroppedCollectionLeavesNoFile() throws IOException {
    make(600);
    assertThat(file()).exists();
    try (Database database = Database.open(directory)) {
      database.deleteCollection(COLLECTION);
      create(database, COLLECTION);
    }
    assertThat(file()).doesNotExist();
    // As a crash between the two leaves it.
    Files.write(file(), new byte[] {1});
    Files.write(bad(), new byte[] {1});
    Database.open(directory).close();
    assertThat(file()).doesNotExist();
    assertThat(bad()).doesNotExist();
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Path target = to.resolve(file.getFileName());
        if (Files.isDirectory(file)) {
          copy(file, target);
        } else if (!file.getFileName().toString().equals("LOCK")) {
          Files.copy(file, target, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }
}
