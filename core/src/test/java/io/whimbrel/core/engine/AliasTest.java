package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.Alias;
import io.whimbrel.core.model.AliasChange;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AliasTest {
  @TempDir private Path directory;

  private static void create(Database database, String name) {
    database.createCollection(
        CollectionSpec.of(name, EmbeddingSpec.flat(ModelId.UNNAMED, 2, Metric.L2)));
  }

  private static void refused(Runnable call, ErrorCode code, String field) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e.field()).isEqualTo(field);
            });
  }

  private static void put(Database database, String name, String id) {
    PointWrite point = PointWrite.of(PointId.of(id), Map.of(), Vector.of(1, 0));
    database.write(name, new Mutation.Upsert(List.of(point)), WriteOptions.DEFAULT).join();
  }

  private static PointId nearest(Database database, String name) {
    return database
        .search(name, SearchRequest.of(Vector.of(1, 0), 1))
        .hits()
        .getFirst()
        .point()
        .id();
  }

  @Test
  void standsForItsCollectionInEveryRequest() throws IOException {
    try (Database database = Database.open(directory)) {
      create(database, "docs-1");
      create(database, "docs-2");
      assertThat(database.changeAliases(List.of(new AliasChange.Create("docs", "docs-1"))))
          .containsExactly(new Alias("docs", "docs-1"));
      put(database, "docs", "one");
      put(database, "docs-2", "two");
      assertThat(nearest(database, "docs")).isEqualTo(PointId.of("one"));
      assertThat(database.describe("docs").name()).isEqualTo("docs-1");
      assertThat(database.describe("docs").aliases()).containsExactly("docs");
      assertThat(database.count("docs", 0)).isEqualTo(1);
      database.changeAliases(List.of(new AliasChange.Switch("docs", "docs-2")));
      assertThat(nearest(database, "docs")).isEqualTo(PointId.of("two"));
      assertThat(database.get("docs", List.of(PointId.of("two")), ReadOptions.DEFAULT)).hasSize(1);
      assertThat(database.scroll("docs", new byte[0], 9, ReadOptions.DEFAULT).points()).hasSize(1);
      assertThat(database.describe("docs-1").aliases()).isEmpty();
    }
    try (Database database = Database.open(directory)) {
      assertThat(nearest(database, "docs")).isEqualTo(PointId.of("two"));
      database.changeAliases(List.of(new AliasChange.Drop("docs")));
      refused(() -> nearest(database, "docs"), ErrorCode.COLLECTION_NOT_FOUND, "collection");
    }
    try (Database database = Database.open(directory)) {
      assertThat(database.aliases()).isEmpty();
    }
  }

  @Test
  void whatCannotBeMeantIsRefusedWhole() throws IOException {
    try (Database database = Database.open(directory)) {
      create(database, "a");
      create(database, "b");
      database.changeAliases(List.of(new AliasChange.Create("x", "a")));
      AliasChange good = new AliasChange.Create("y", "b");
      refused(
          () -> database.changeAliases(List.of(good, new AliasChange.Create("b", "a"))),
          ErrorCode.COLLECTION_EXISTS,
          "changes[1].alias");
      refused(
          () -> database.changeAliases(List.of(good, new AliasChange.Create("x", "b"))),
          ErrorCode.ALIAS_EXISTS,
          "changes[1].alias");
      refused(
          () -> database.changeAliases(List.of(good, new AliasChange.Create("z", "x"))),
          ErrorCode.INVALID_ARGUMENT,
          "changes[1].collection");
      refused(
          () -> database.changeAliases(List.of(good, new AliasChange.Create("z", "none"))),
          ErrorCode.COLLECTION_NOT_FOUND,
          "changes[1].collection");
      refused(
          () -> database.changeAliases(List.of(good, new AliasChange.Switch("z", "a"))),
          ErrorCode.ALIAS_NOT_FOUND,
          "changes[1].alias");
      refused(
          () -> database.changeAliases(List.of(good, new AliasChange.Drop("z"))),
          ErrorCode.ALIAS_NOT_FOUND,
          "changes[1].alias");
      refused(() -> database.changeAliases(List.of()), ErrorCode.INVALID_ARGUMENT, "changes");
      refused(() -> new AliasChange.Drop("No name"), ErrorCode.INVALID_NAME, "alias");
      refused(() -> create(database, "x"), ErrorCode.ALIAS_EXISTS, "name");
      refused(() -> database.deleteCollection("x"), ErrorCode.INVALID_ARGUMENT, "name");
      assertThat(database.aliases()).containsExactly(new Alias("x", "a"));
      database.deleteCollection("a");
      assertThat(database.aliases()).isEmpty();
    }
  }

  /// Two names are exchanged all the time; at every moment they stand for two collections.
  @Test
  void changesOfOneRequestAreSeenAtOnce() throws IOException {
    try (Database database = Database.open(directory)) {
      create(database, "a");
      create(database, "b");
      database.changeAliases(
          List.of(new AliasChange.Create("x", "a"), new AliasChange.Create("y", "b")));
      AtomicBoolean done = new AtomicBoolean();
      CompletableFuture<Void> writer =
          CompletableFuture.runAsync(() -> {
            for (int i = 0; i < 200; i++) {
              String first = i % 2 == 0 ? "b" : "a";
              database.changeAliases(
                  List.of(
                      new AliasChange.Switch("x", first),
                      new AliasChange.Switch("y", i % 2 == 0 ? "a" : "b")));
            }
            done.set(true);
          });
      while (!done.get()) {
        List<Alias> aliases = database.aliases();
        assertThat(aliases.get(0).collection()).isNotEqualTo(aliases.get(1).collection());
      }
      writer.join();
    }
  }

  @Test
  void equalsAModelThroughRestarts() throws IOException {
    Random random = Seeds.random("AliasTest");
    TreeMap<String, String> model = new TreeMap<>();
    TreeSet<String> collections = new TreeSet<>();
    Database database = Database.open(directory);
    try {
      for (int i = 0; i < 150; i++) {
        String collection = "c" + random.nextInt(4);
        if (!collections.contains(collection)) {
          create(database, collection);
          collections.add(collection);
        } else if (random.nextInt(12) == 0) {
          database.deleteCollection(collection);
          collections.remove(collection);
          model.values().removeIf(collection::equals);
        } else {
          TreeMap<String, String> after = new TreeMap<>(model);
          List<AliasChange> changes = new ArrayList<>();
          boolean possible = true;
          for (int c = random.nextInt(3); c >= 0; c--) {
            String alias = "x" + random.nextInt(6);
            switch (random.nextInt(3)) {
              case 0 -> {
                changes.add(new AliasChange.Create(alias, collection));
                possible &= after.put(alias, collection) == null;
              }
              case 1 -> {
                changes.add(new AliasChange.Switch(alias, collection));
                possible &= after.put(alias, collection) != null;
              }
              default -> {
                changes.add(new AliasChange.Drop(alias));
                possible &= after.remove(alias) != null;
              }
            }
          }
          if (possible) {
            database.changeAliases(changes);
            model.clear();
            model.putAll(after);
          } else {
            Database now = database;
            assertThatThrownBy(() -> now.changeAliases(changes))
                .isInstanceOf(WhimbrelException.class);
          }
        }
        if (i % 30 == 29) {
          database.close();
          database = Database.open(directory);
        }
        assertThat(database.aliases())
            .isEqualTo(
                model.entrySet().stream().map(e -> new Alias(e.getKey(), e.getValue())).toList());
      }
    } finally {
      database.close();
    }
  }
}
