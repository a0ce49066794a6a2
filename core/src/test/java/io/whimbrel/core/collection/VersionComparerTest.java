package io.whimbrel.core.collection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Migration;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.VDiff;
import io.whimbrel.core.model.VDiff.Kind;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.store.Batch;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.VectorRecord;
import io.whimbrel.core.store.View;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VersionComparerTest {
  /// 100,000 with `-Dwhimbrel.vdiff.points=100000`.
  private static final int POINTS = Integer.getInteger("whimbrel.vdiff.points", 10_000);

  private static final int BATCH = 1_000;
  private static final int STEP = 4_096;
  private static final ChangeNote NOTE = new ChangeNote("test", "because");
  private static final EmbeddingSpec OLD = spec("old", 8, false);
  private static final EmbeddingSpec NEW = spec("new", 6, true);

  @TempDir private Path directory;
  private Store store;
  private Recovery.Opened opened;
  private LiveCollection collection;
  private VersionComparer comparer;
  private String migration;

  private static EmbeddingSpec spec(String model, int dimension, boolean normalized) {
    return new EmbeddingSpec(
        new ModelId("test", model, "1"),
        dimension,
        Metric.COSINE,
        Cardinality.SINGLE,
        Storage.FLOAT32,
        new IndexSpec.Flat(),
        List.of("text"),
        Origin.CLIENT,
        normalized,
        "",
        "",
        true);
  }

  @BeforeEach
  void open() throws IOException {
    store = Store.open(directory.resolve("rocksdb"), 8 << 20, false);
    opened =
        new Recovery(store, directory, KernelProvider.best(), false, 1)
            .open(new Sequencer.Options(64 << 20, Duration.ofSeconds(30), Duration.ofMillis(500)));
    collection = opened.sequencer().create(CollectionSpec.of("docs", OLD)).join();
    Migration created =
        opened.migrations().create(MigrationSpec.of("docs", "default", NEW), true, NOTE).join();
    migration = created.id();
    comparer = new VersionComparer(opened.sequencer(), store);
  }

  @AfterEach
  void close() {
    opened.migrations().close();
    opened.sequencer().stop();
    opened.catalog().closeAll();
    store.close();
  }

  private static float[] unit(Random random, int dimension) {
    float[] values = Seeds.gaussian(random, dimension);
    double norm = 0;
    for (float value : values) {
      norm += value * value;
    }
    for (int i = 0; i < dimension; i++) {
      values[i] /= (float) Math.sqrt(norm);
    }
    return values;
  }

  private static PointWrite point(int number, Random random, boolean both) {
    List<Vector> vectors = new ArrayList<>();
    vectors.add(new Vector(unit(random, 8), 1, OLD.spaceId()));
    if (both) {
      vectors.add(new Vector(unit(random, 6), 1, NEW.spaceId()));
    }
    return PointWrite.of(
        PointId.of("p" + number),
        Map.of("text", new Value.StringValue("text " + random.nextInt())),
        vectors);
  }

  private void write(Mutation mutation) {
    opened.sequencer().write(collection, mutation, WriteOptions.DEFAULT).join();
  }

  private void fill(Random random) {
    for (int from = 0; from < POINTS; from += BATCH) {
      List<PointWrite> points = new ArrayList<>();
      for (int i = from; i < Math.min(POINTS, from + BATCH); i++) {
        points.add(point(i, random, true));
      }
      write(new Mutation.Upsert(points));
    }
  }

  private record Outcome(long checked, List<VDiff.Fault> faults) {}

  private Outcome compare() throws StorageException {
    long checked = 0;
    List<VDiff.Fault> faults = new ArrayList<>();
    long next = 0;
    while (next >= 0) {
      VersionComparer.Step step = comparer.step(migration, next, STEP);
      next = step.nextId();
      checked += step.checked();
      faults.addAll(step.faults());
    }
    return new Outcome(checked, faults);
  }

  @FunctionalInterface
  private interface Damage {
    void to(Batch batch) throws StorageException;
  }

  private void damage(Damage damage) {
    opened
        .sequencer()
        .run(() -> {
          try (Batch batch = store.batch()) {
            damage.to(batch);
            store.write(batch, true);
          }
          return true;
        })
        .join();
  }

  private LiveVersion version(int number) {
    return collection.layout().fields().values().iterator().next().version(number);
  }

  private byte[] key(int version, long internalId) {
    return Keys.vector(collection.number(), version(version).ref().field(), version, internalId);
  }

  private long internalId(int number) throws StorageException {
    try (View view = store.view()) {
      byte[] id =
          view.get(Table.IDS, Keys.id(collection.number(), PointId.of("p" + number))).orElseThrow();
      return ByteBuffer.wrap(id).getLong();
    }
  }

  private byte[] row(int number) throws StorageException {
    try (View view = store.view()) {
      return view.get(Table.VECTORS, key(2, internalId(number))).orElseThrow();
    }
  }

  /// The stored row of a point in the new version, with other values.
  private byte[] withValues(int number, float... values) throws StorageException {
    ByteBuffer before = ByteBuffer.wrap(row(number));
    byte[] after =
        VectorRecord.encode(values, VectorRecord.Source.NATIVE, VectorRecord.contentHashOf(before));
    VectorRecord.setSeq(after, VectorRecord.seqOf(before), VectorRecord.contentSeqOf(before));
    return after;
  }

  @Test
  void findsOneFaultOfEachKindAndNothingElse() throws StorageException {
    fill(Seeds.random("vdiff"));
    // Deleted points and points that wait are no faults.
    write(new Mutation.Delete(List.of(PointId.of("p7")), OptionalLong.empty()));
    write(new Mutation.Upsert(List.of(point(8, Seeds.random("vdiff waits"), false))));
    Outcome sound = compare();
    assertThat(sound.faults()).isEmpty();
    assertThat(sound.checked()).isEqualTo(POINTS - 1);

    int step = POINTS / 10;
    long[] ids = new long[8];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = internalId((i + 1) * step + 3);
    }
    float[] values = version(2).form().decode(ByteBuffer.wrap(row(4 * step + 3)));
    float[] doubled = values.clone();
    for (int i = 0; i < doubled.length; i++) {
      doubled[i] *= 2;
    }
    byte[] notFinite = withValues(5 * step + 3, Float.NaN, 0, 0, 0, 0, 0);
    byte[] shortened = withValues(4 * step + 3, Arrays.copyOf(values, 5));
    byte[] longer = withValues(6 * step + 3, doubled);
    byte[] stale = row(3 * step + 3);
    stale[VectorRecord.HEADER_BYTES - 1] ^= 1;
    byte[] orphan = row(1);
    damage(batch -> {
      batch.delete(Table.VECTORS, key(2, ids[0]));
      batch.delete(Table.VECTORS, key(1, ids[1]));
      batch.put(Table.VECTORS, key(2, ids[2]), stale);
      batch.put(Table.VECTORS, key(2, ids[3]), shortened);
      batch.put(Table.VECTORS, key(2, ids[4]), notFinite);
      batch.put(Table.VECTORS, key(2, ids[5]), longer);
      batch.put(Table.VECTORS, key(2, 50_000_000), orphan);
      version(2).remove(ids[7], opened.sequencer().visibleSeq() + 1);
    });

    Outcome found = compare();
    assertThat(found.faults())
        .extracting(VDiff.Fault::kind, VDiff.Fault::id)
        .containsExactlyInAnyOrder(
            tuple(Kind.MISSING, "p" + (step + 3)),
            tuple(Kind.MISSING_OLD, "p" + (2 * step + 3)),
            tuple(Kind.STALE, "p" + (3 * step + 3)),
            tuple(Kind.DIMENSION, "p" + (4 * step + 3)),
            tuple(Kind.NOT_FINITE, "p" + (5 * step + 3)),
            tuple(Kind.NORM, "p" + (6 * step + 3)),
            tuple(Kind.ORPHAN, ""),
            tuple(Kind.UNREACHABLE, "p" + (8 * step + 3)));
  }

  /// Whatever is written while it walks, a sound migration shows no fault.
  @Test
  void writesMeanwhileRaiseNoFalseAlarm() throws Exception {
    fill(Seeds.random("vdiff fill"));
    AtomicBoolean done = new AtomicBoolean();
    Random random = Seeds.random("vdiff writers");
    Thread writer =
        Thread.ofPlatform()
            .start(() -> {
              while (!done.get()) {
                int number = random.nextInt(POINTS + 500);
                if (random.nextInt(4) == 0) {
                  write(
                      new Mutation.Delete(List.of(PointId.of("p" + number)), OptionalLong.empty()));
                } else {
                  write(new Mutation.Upsert(List.of(point(number, random, random.nextBoolean()))));
                }
              }
            });
    try {
      for (int round = 0; round < 5; round++) {
        assertThat(compare().faults()).isEmpty();
      }
    } finally {
      done.set(true);
      writer.join();
    }
    assertThat(compare().faults()).isEmpty();
  }
}
