package io.whimbrel.core.engine;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;

/// The process that [CrashIT] kills: writers that announce each write before and after it, on
/// standard output.
///
/// Writer `w` owns the points `w-0` to `w-(POINTS - 1)`. Its n-th write gives one batch of them the
/// generation n, in payload and vector, or deletes the batch. A line `try w n op first` comes
/// before, `ack w n` after the acknowledgement.
final class CrashWriter {
  static final int WRITERS = 4;
  static final int POINTS = 40;
  static final int BATCH = 5;
  static final int DIMENSION = 24;
  static final String COLLECTION = "crash";

  private CrashWriter() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Path directory = Path.of(args[0]);
    long seed = Long.parseLong(args[1]);
    long firstGeneration = Long.parseLong(args[2]);
    IndexSpec index = args[3].equals("hnsw") ? new IndexSpec.Hnsw() : new IndexSpec.Flat();
    PrintStream out = System.out;
    // Killed, not closed: no try-with-resources.
    Database database = Database.open(directory);
    if (database.collections().isEmpty()) {
      database.createCollection(
          new CollectionSpec(
              COLLECTION,
              List.of(
                  new FieldSpec(
                      FieldSpec.DEFAULT_NAME,
                      EmbeddingSpec.of(ModelId.UNNAMED, DIMENSION, Metric.L2, index))),
              List.of(),
              args[3].equals("text")
                  ? List.of(TextIndexSpec.of("word", TextAnalyzer.WHITESPACE))
                  : List.of()));
    }
    out.println("ready");
    List<Thread> writers = new ArrayList<>();
    for (int w = 0; w < WRITERS; w++) {
      int writer = w;
      SplittableRandom random = new SplittableRandom(seed * WRITERS + w);
      writers.add(
          Thread.ofPlatform().start(() -> write(database, out, writer, random, firstGeneration)));
    }
    for (Thread writer : writers) {
      writer.join();
    }
  }

  private static void write(
      Database database, PrintStream out, int writer, SplittableRandom random, long generation) {
    for (long n = generation; ; n++) {
      int first = random.nextInt(POINTS / BATCH) * BATCH;
      boolean delete = random.nextInt(5) == 0;
      // One line, one write to the pipe: the parent reads whole lines or nothing.
      out.println("try %d %d %s %d".formatted(writer, n, delete ? "delete" : "upsert", first));
      Mutation mutation = delete ? delete(writer, first) : upsert(writer, first, n);
      database.write(COLLECTION, mutation, WriteOptions.DEFAULT).join();
      out.println("ack %d %d".formatted(writer, n));
    }
  }

  private static Mutation upsert(int writer, int first, long generation) {
    List<PointWrite> points = new ArrayList<>();
    for (int i = first; i < first + BATCH; i++) {
      points.add(
          PointWrite.of(
              id(writer, i),
              Map.of(
                  "generation",
                  new Value.IntValue(generation),
                  "word",
                  new Value.StringValue(word(writer, i, generation))),
              vector(writer, i, generation)));
    }
    return new Mutation.Upsert(points);
  }

  private static Mutation delete(int writer, int first) {
    List<PointId> ids = new ArrayList<>();
    for (int i = first; i < first + BATCH; i++) {
      ids.add(id(writer, i));
    }
    return new Mutation.Delete(ids, OptionalLong.empty());
  }

  static PointId id(int writer, int point) {
    return PointId.of(writer + "-" + point);
  }

  /// A word that this generation of the point has alone.
  static String word(int writer, int point, long generation) {
    return writer + "-" + point + "-" + generation;
  }

  static Vector vector(int writer, int point, long generation) {
    float[] values = new float[DIMENSION];
    SplittableRandom random =
        new SplittableRandom(generation * 1_000_003 + writer * 1_009L + point);
    for (int i = 0; i < DIMENSION; i++) {
      values[i] = (float) random.nextDouble();
    }
    return Vector.of(values);
  }
}
