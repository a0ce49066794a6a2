package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Mutation.PayloadChange;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Full text in step with the store: beside a model, through restarts, damage and files of another
/// time.
class TextDatabaseTest {
  private static final String DOCS = "docs";
  private static final FieldPath BODY = FieldPath.of("body");
  private static final String[] WORDS =
      "bird curlew sandpiper beak long curved shore mud tide winter summer north".split(" ");

  @TempDir private Path directory;

  private final Random random = Seeds.random("TextDatabaseTest");
  private final TreeMap<PointId, List<String>> model = new TreeMap<>();

  private static CollectionSpec spec(TextIndexSpec... texts) {
    return new CollectionSpec(
        DOCS,
        List.of(new FieldSpec("default", EmbeddingSpec.flat(ModelId.UNNAMED, 2, Metric.L2))),
        List.of(),
        List.of(texts));
  }

  private static TextIndexSpec body() {
    return new TextIndexSpec(BODY, TextAnalyzer.WHITESPACE);
  }

  private static QueryNode.Text text(FieldPath path, String text) {
    return new QueryNode.Text(path, text, List.of());
  }

  private static List<PointId> query(Database database, QueryRequest request) {
    return database.query(DOCS, request).hits().stream().map(hit -> hit.point().id()).toList();
  }

  private static List<PointId> search(Database database, String text) {
    return query(database, QueryRequest.of(text(BODY, text), 1000));
  }

  private static void write(Database database, Mutation mutation) {
    database.write(DOCS, mutation, WriteOptions.DEFAULT).join();
  }

  private static PointWrite point(PointId id, Value body, Vector vector) {
    return PointWrite.of(id, Map.of("body", body), vector);
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

  private void operate(Database database) {
    PointId id = PointId.of("p" + random.nextInt(80));
    switch (random.nextInt(6)) {
      case 0, 1, 2 -> {
        List<PointWrite> points = new ArrayList<>();
        for (PointId one : Set.of(id, PointId.of(random.nextInt(80)))) {
          List<String> texts = texts();
          points.add(point(one, value(texts), Vector.of(random.nextInt(9), 1)));
          model.put(one, texts);
        }
        write(database, new Mutation.Upsert(points));
      }
      case 3 -> {
        write(database, new Mutation.Delete(List.of(id), OptionalLong.empty()));
        model.remove(id);
      }
      default -> {
        if (model.containsKey(id)) {
          boolean clear = random.nextInt(4) == 0;
          List<String> texts = clear ? List.of() : texts();
          PayloadChange change =
              clear
                  ? new PayloadChange.Clear()
                  : new PayloadChange.Merge(Map.of("body", value(texts)));
          write(database, new Mutation.UpdatePayload(List.of(id), change, OptionalLong.empty()));
          model.put(id, texts);
        }
      }
    }
  }

  private List<String> texts() {
    List<String> texts = new ArrayList<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      texts.add(words());
    }
    return texts;
  }

  private String words() {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(5); i >= 0; i--) {
      text.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
    }
    return text.toString().trim();
  }

  private Value value(List<String> texts) {
    return switch (texts.size()) {
      case 0 -> random.nextBoolean() ? Value.NullValue.INSTANCE : new Value.IntValue(7);
      case 1 -> new Value.StringValue(texts.getFirst());
      default ->
          new Value.ListValue(
              Stream.concat(
                      texts.stream().map(Value.StringValue::new), Stream.of(new Value.IntValue(1)))
                  .map(Value.class::cast)
                  .toList());
    };
  }

  private void compare(Database database) {
    for (int i = 0; i < 4; i++) {
      String words = words();
      Set<String> wanted = new TreeSet<>(List.of(words.split(" ")));
      Set<PointId> expected = new TreeSet<>();
      model.forEach((id, texts) -> {
        if (texts.stream().flatMap(t -> Arrays.stream(t.split(" "))).anyMatch(wanted::contains)) {
          expected.add(id);
        }
      });
      List<PointId> found = search(database, words);
      assertThat(new TreeSet<>(found)).as("\"%s\"", words).isEqualTo(expected);
      assertThat(found).doesNotHaveDuplicates();
      Filter filter = new Filter.HasId(Set.of(PointId.of(1), PointId.of("p1"), PointId.of("p2")));
      expected.removeIf(id -> !((Filter.HasId) filter).ids().contains(id));
      assertThat(
              new TreeSet<>(
                  query(database, QueryRequest.of(text(BODY, words), 9).withFilter(filter))))
          .isEqualTo(expected);
    }
  }

  private void compareWhenReady(Database database) {
    awaitReady(database);
    compare(database);
  }

  private static CollectionInfo.TextIndexInfo awaitReady(Database database) {
    while (true) {
      CollectionInfo.TextIndexInfo info = database.describe(DOCS).texts().getFirst();
      if (info.ready()) {
        return info;
      }
      assertThat(info.note()).doesNotStartWith("it failed");
      Thread.onSpinWait();
    }
  }

  @Test
  void findsWhatTheModelHas() throws IOException {
    Database database = Database.open(directory);
    Path kept = directory.resolve("kept");
    try {
      database.createCollection(spec(body()));
      for (int i = 1; i <= 1200; i++) {
        operate(database);
        if (i % 20 == 0) {
          compare(database);
        }
        if (i % 200 == 0) {
          database.close();
          switch (i / 200) {
            case 1 -> copy(files(), kept);
            case 2 -> delete(files());
            case 3 -> {
              // As after a crash long ago: the log tells what changed since.
              delete(files());
              copy(kept, files());
            }
            case 4 -> damage(files());
            default -> {}
          }
          database = Database.open(directory);
          compareWhenReady(database);
        }
      }
      assertThat(database.describe(DOCS).texts().getFirst().note()).isEmpty();
    } finally {
      database.close();
    }
  }

  private Path files() throws IOException {
    try (Stream<Path> all = Files.list(directory.resolve("text"))) {
      return all.findFirst().orElse(directory.resolve("text").resolve("1-1"));
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    for (Path file : list(from)) {
      Files.copy(file, to.resolve(file.getFileName()));
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  private static void delete(Path folder) throws IOException {
    for (Path file : list(folder)) {
      Files.delete(file);
    }
    Files.delete(folder);
  }

  private static void damage(Path folder) throws IOException {
    for (Path file : list(folder)) {
      byte[] bytes = Files.readAllBytes(file);
      if (bytes.length > 0) {
        bytes[bytes.length / 2] ^= 4;
        Files.write(file, bytes);
      }
    }
  }

  @Test
  void isDeclaredAndDroppedWhileWritesGoOn() throws IOException {
    try (Database database = Database.open(directory)) {
      database.createCollection(spec());
      refused(() -> search(database, "bird"), ErrorCode.UNKNOWN_INDEX, "query.text.path");
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 150; i++) {
          operate(database);
        }
        database.addText(DOCS, body());
        for (int i = 0; i < 50; i++) {
          operate(database);
        }
        compareWhenReady(database);
        refused(() -> database.addText(DOCS, body()), ErrorCode.INDEX_EXISTS, "path");
        database.dropText(DOCS, BODY);
        refused(() -> database.dropText(DOCS, BODY), ErrorCode.UNKNOWN_INDEX, "path");
        refused(() -> search(database, "bird"), ErrorCode.UNKNOWN_INDEX, "query.text.path");
      }
      database.addText(DOCS, body());
      awaitReady(database);
    }
    // What was dropped left nothing behind.
    assertThat(list(directory.resolve("text"))).hasSize(1);
    try (Database database = Database.open(directory)) {
      compareWhenReady(database);
      database.deleteCollection(DOCS);
    }
    assertThat(list(directory.resolve("text"))).isEmpty();
  }

  /// Each write moves the word "here" from one point to the other, so one of them has it at every
  /// moment, and the payload that the hit carries says so too.
  @Test
  void aQuerySeesEachWriteWholeOrNotAtAll() throws Exception {
    try (Database database = Database.open(directory)) {
      database.createCollection(spec(body()));
      AtomicBoolean done = new AtomicBoolean();
      move(database, 0);
      CompletableFuture<Void> writer =
          CompletableFuture.runAsync(() -> {
            for (int i = 1; i < 1500; i++) {
              move(database, i);
            }
            done.set(true);
          });
      long seen = 0;
      while (!done.get()) {
        var hits = database.query(DOCS, QueryRequest.of(text(BODY, "here"), 5)).hits();
        assertThat(hits).hasSize(1);
        assertThat(hits.getFirst().point().payload())
            .containsEntry("body", new Value.StringValue("it is here"));
        seen++;
      }
      writer.join();
      assertThat(seen).isPositive();
    }
  }

  private static void move(Database database, int round) {
    List<PointWrite> points = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      String text = round % 2 == i ? "it is here" : "it is elsewhere";
      points.add(point(PointId.of(i), new Value.StringValue(text), Vector.of(i, round)));
    }
    write(database, new Mutation.Upsert(points));
  }

  @Test
  void isFusedWithVectorsInOneQuery() throws IOException {
    try (Database database = Database.open(directory)) {
      database.createCollection(spec(body()));
      write(
          database,
          new Mutation.Upsert(
              List.of(
                  point(PointId.of("near"), new Value.StringValue("mud"), Vector.of(0, 0)),
                  point(PointId.of("both"), new Value.StringValue("curlew"), Vector.of(1, 0)),
                  point(
                      PointId.of("word"), new Value.StringValue("curlew curlew"), Vector.of(9, 9)),
                  point(PointId.of("none"), new Value.StringValue("tide"), Vector.of(5, 0)))));
      QueryNode nearest =
          new QueryNode.Nearest(
              "default", 0, new QueryInput.Given(List.of(Vector.of(0, 0))), 0, List.of());
      QueryNode hybrid =
          new QueryNode.Fusion(
              60,
              List.of(),
              List.of(Prefetch.of(nearest, 2), Prefetch.of(text(BODY, "curlew"), 2)));
      var hits = database.query(DOCS, QueryRequest.of(hybrid, 3)).hits();
      assertThat(hits.getFirst().point().id()).isEqualTo(PointId.of("both"));
      assertThat(hits.getFirst().score()).isEqualTo(2.0 / 62);
      // Text ranks what vectors found, and no others.
      QueryNode ranked = new QueryNode.Text(BODY, "curlew tide", List.of(Prefetch.of(nearest, 3)));
      assertThat(query(database, QueryRequest.of(ranked, 3)))
          .containsExactlyInAnyOrder(PointId.of("both"), PointId.of("none"));
    }
  }
}
