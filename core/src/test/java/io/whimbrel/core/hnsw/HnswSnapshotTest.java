package io.whimbrel.core.hnsw;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.testing.Seeds;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HnswSnapshotTest {
  private static final int DIMENSION = 24;
  private static final IndexSpec.Hnsw SPEC = new IndexSpec.Hnsw(16, 60);
  private static final String IDENTITY = "database 1, collection \"docs\", version 3";

  /// A writer that is no faster than the work: else most rows die before they are linked.
  private static final int PENDING_MAX = 200;

  @TempDir Path directory;

  /// A live row of each label, beside the index.
  private static final class Model {
    final HnswIndex index;
    final TreeMap<Long, Integer> ordinals = new TreeMap<>();
    long seq;
    long labels;

    Model(HnswIndex index) {
      this.index = index;
      index.forEachLive((label, ordinal) -> ordinals.put(label, ordinal));
      this.seq = 1_000;
      this.labels = ordinals.isEmpty() ? 0 : ordinals.lastKey();
    }

    Model(Metric metric) {
      this.index = new HnswIndex(DIMENSION, metric, SPEC, KernelProvider.best());
    }

    void add(Random random, int count) {
      for (int i = 0; i < count; i++) {
        ordinals.put(++labels, index.add(Seeds.gaussian(random, DIMENSION), labels));
      }
    }

    void remove(Random random, int count) {
      for (int i = 0; i < count; i++) {
        Map.Entry<Long, Integer> row =
            Objects.requireNonNull(ordinals.ceilingEntry(random.nextLong(ordinals.lastKey() + 1)));
        index.remove(row.getValue(), seq + 1);
        ordinals.remove(row.getKey());
      }
    }

    void publish() {
      index.publish(++seq);
    }

    void work() {
      while (index.work(Integer.MAX_VALUE)) {
        // To the end.
      }
    }

    /// Rows of every state: linked, pending, dead in the graph, bypassed, dead before they were
    /// linked, freed, reused, and some that are not published.
    void fill(Random random) {
      add(random, 1_500);
      publish();
      work();
      remove(random, 400);
      publish();
      work();
      add(random, 200);
      publish();
      index.work(50);
      remove(random, 150);
      publish();
      index.work(100);
      remove(random, 100);
      add(random, 300);
      publish();
      remove(random, 100);
      publish();
    }
  }

  private Path file() {
    return directory.resolve("graph.snapshot");
  }

  private HnswIndex open(Metric metric) throws IOException {
    return open(IDENTITY, DIMENSION, metric, SPEC);
  }

  private HnswIndex open(String identity, int dimension, Metric metric, IndexSpec.Hnsw spec)
      throws IOException {
    return HnswIndex.open(file(), identity, dimension, metric, spec, KernelProvider.best());
  }

  private static TopK search(HnswIndex index, float[] query, int k) {
    return index.search(query, SearchParams.of(k).withEf(100), () -> false);
  }

  private static void same(HnswIndex a, HnswIndex b, Random random) {
    assertThat(b.live()).isEqualTo(a.live());
    for (int i = 0; i < 200; i++) {
      float[] query = Seeds.gaussian(random, DIMENSION);
      TopK expected = search(a, query, 10);
      TopK found = search(b, query, 10);
      assertThat(found.count()).isEqualTo(expected.count()).isPositive();
      assertThat(found.seq()).isEqualTo(expected.seq());
      for (int rank = 0; rank < found.count(); rank++) {
        assertThat(found.label(rank)).isEqualTo(expected.label(rank));
        assertThat(found.ordinal(rank)).isEqualTo(expected.ordinal(rank));
        assertThat(found.score(rank)).isEqualTo(expected.score(rank));
      }
    }
  }

  private static TreeMap<Long, Integer> live(HnswIndex index) {
    TreeMap<Long, Integer> live = new TreeMap<>();
    index.forEachLive((label, ordinal) -> assertThat(live.put(label, ordinal)).isNull());
    assertThat(live).hasSize(index.live());
    return live;
  }

  // ------------------------------------------------------------------------------------ good files

  @ParameterizedTest
  @EnumSource
  void givesTheSameAnswersAndGoesOn(Metric metric) throws IOException {
    Random random = Seeds.random("givesTheSameAnswersAndGoesOn " + metric);
    Model model = new Model(metric);
    try (HnswIndex index = model.index) {
      model.fill(random);
      TreeMap<Long, Integer> published = new TreeMap<>(model.ordinals);
      // What is not published is not saved.
      model.add(random, 70);
      model.remove(random, 30);
      new GraphCheck(index).checkAtWork();
      assertThat(index.save(file(), IDENTITY)).isEqualTo(model.seq);
      assertThat(directory).isDirectoryNotContaining(path -> path.toString().endsWith(".tmp"));
      try (HnswIndex loaded = open(metric)) {
        assertThat(live(loaded)).isEqualTo(published);
        assertThat(loaded.rows()).isEqualTo(index.rows());
        assertThat(loaded.pending()).isBetween(1, index.pending());
        same(index, loaded, random);
        new GraphCheck(loaded).checkAtWork();
        goesOn(new Model(loaded), random);
      }
    }
  }

  private static void goesOn(Model model, Random random) {
    HnswIndex index = model.index;
    int rows = index.rows();
    int free = freeRows(index);
    assertThat(free).isPositive();
    model.add(random, free);
    model.publish();
    assertThat(index.rows()).as("rows that were free are used again").isEqualTo(rows);
    for (int round = 0; round < 4; round++) {
      model.work();
      assertThat(index.pending()).isZero();
      new GraphCheck(index).check();
      assertThat(live(index)).isEqualTo(model.ordinals);
      model.remove(random, 300);
      model.add(random, 300);
      model.publish();
    }
    int found = 0;
    for (int i = 0; i < 100; i++) {
      float[] query = Seeds.gaussian(random, DIMENSION);
      TopK exact = index.search(query, SearchParams.of(1).withExact(true), () -> false);
      found += search(index, query, 1).label(0) == exact.label(0) ? 1 : 0;
    }
    assertThat(found).isGreaterThan(90);
  }

  private static int freeRows(HnswIndex index) {
    int free = 0;
    for (int row = Entry.ROWS; row < index.graphRows().shown(); row++) {
      free += index.graphRows().birth(row) == GraphRows.NEVER ? 1 : 0;
    }
    return free;
  }

  /// The work on dead rows that was begun ends with them free.
  @Test
  void freesTheDeadOfTheFile() throws IOException {
    Random random = Seeds.random("freesTheDeadOfTheFile");
    Model model = new Model(Metric.L2);
    try (HnswIndex index = model.index) {
      model.add(random, 1_200);
      model.publish();
      model.work();
      model.remove(random, 600);
      model.publish();
      // Some are bypassed, too few for a sweep; some are not.
      index.work(1);
      index.save(file(), IDENTITY);
    }
    try (HnswIndex loaded = open(Metric.L2)) {
      Model second = new Model(loaded);
      second.work();
      new GraphCheck(loaded).check();
      int rows = loaded.rows();
      second.add(random, 500);
      second.publish();
      assertThat(loaded.rows()).isEqualTo(rows);
    }
  }

  @Test
  void savesWhatIsEmpty() throws IOException {
    try (HnswIndex index = new Model(Metric.DOT).index) {
      assertThat(index.save(file(), "")).isZero();
    }
    try (HnswIndex loaded = open("", DIMENSION, Metric.DOT, SPEC)) {
      assertThat(loaded.live()).isZero();
      assertThat(search(loaded, new float[DIMENSION], 1).count()).isZero();
      Model model = new Model(loaded);
      model.add(Seeds.random("savesWhatIsEmpty"), 10);
      model.publish();
      model.work();
      new GraphCheck(loaded).check();
    }
  }

  /// Rows removed but not published are in the file, though the work on them could have begun.
  @Test
  void savesRowsUntilTheirRemovalIsPublished() throws IOException {
    Random random = Seeds.random("savesRowsUntilTheirRemovalIsPublished");
    Model model = new Model(Metric.L2);
    try (HnswIndex index = model.index) {
      model.add(random, 1_000);
      model.publish();
      model.work();
      model.add(random, 500);
      model.publish();
      TreeMap<Long, Integer> published = new TreeMap<>(model.ordinals);
      model.remove(random, 900);
      model.work();
      model.add(random, 900);
      index.save(file(), IDENTITY);
      try (HnswIndex loaded = open(Metric.L2)) {
        new GraphCheck(loaded).checkAtWork();
        assertThat(live(loaded)).isEqualTo(published);
        float[] query = Seeds.gaussian(random, DIMENSION);
        SearchParams all = SearchParams.of(published.size()).withExact(true);
        TopK expected = index.search(query, all, () -> false);
        TopK found = loaded.search(query, all, () -> false);
        assertThat(found.count()).isEqualTo(expected.count()).isEqualTo(published.size());
        for (int rank = 0; rank < found.count(); rank++) {
          assertThat(found.label(rank)).isEqualTo(expected.label(rank));
          assertThat(found.score(rank)).isEqualTo(expected.score(rank));
        }
      }
    }
  }

  @Test
  void replacesTheLastSnapshot() throws IOException {
    Random random = Seeds.random("replacesTheLastSnapshot");
    Model model = new Model(Metric.L2);
    try (HnswIndex index = model.index) {
      model.fill(random);
      index.save(file(), IDENTITY);
      model.remove(random, 900);
      model.publish();
      model.work();
      index.save(file(), IDENTITY);
      try (HnswIndex loaded = open(Metric.L2)) {
        same(index, loaded, random);
      }
    }
  }

  // ------------------------------------------------------------------------------------- bad files

  /// Opens, is refused, and gives all memory back.
  private static void refused(ThrowingCallable opening, String... parts) {
    long before = Region.bytesOpen();
    assertThatThrownBy(opening)
        .isInstanceOf(SnapshotException.class)
        .hasMessageContaining("graph.snapshot")
        .satisfies(refusal -> {
          for (String part : parts) {
            assertThat(refusal).hasMessageContaining(part);
          }
        });
    assertThat(Region.bytesOpen()).isEqualTo(before);
  }

  private byte[] saved(String test) throws IOException {
    Model model = new Model(Metric.DOT);
    try (HnswIndex index = model.index) {
      model.fill(Seeds.random(test));
      index.save(file(), IDENTITY);
    }
    return Files.readAllBytes(file());
  }

  private void write(byte[] bytes) throws IOException {
    Files.write(file(), bytes);
  }

  @Test
  void refusesWhatIsNotThere() {
    assertThatThrownBy(() -> open(Metric.DOT)).isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void refusesAnotherIndex() throws IOException {
    byte[] bytes = saved("refusesAnotherIndex");
    refused(() -> open("other", DIMENSION, Metric.DOT, SPEC), IDENTITY, "\"other\"");
    refused(() -> open(IDENTITY, 25, Metric.DOT, SPEC), "dimension 24", "dimension 25");
    refused(() -> open(Metric.L2), "metric DOT", "metric L2");
    for (IndexSpec.Hnsw spec :
        new IndexSpec.Hnsw[] {new IndexSpec.Hnsw(17, 60), new IndexSpec.Hnsw(16, 61)}) {
      refused(
          () -> open(IDENTITY, DIMENSION, Metric.DOT, spec),
          "m 16, ef_construction 60",
          "m " + spec.m() + ", ef_construction " + spec.efConstruction());
    }
    bytes[8] = SnapshotHeader.FORMAT + 1;
    write(bytes);
    refused(
        () -> open(Metric.DOT),
        "format: " + (SnapshotHeader.FORMAT + 1),
        "expected: " + SnapshotHeader.FORMAT);
    write("RIFF, or whatever is longer than a header".getBytes(StandardCharsets.UTF_8));
    refused(() -> open(Metric.DOT), "is no snapshot");
    assertThatThrownBy(() -> open("x".repeat(1_025), DIMENSION, Metric.DOT, SPEC))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("1025 bytes");
  }

  @Test
  void refusesAnyFlippedBit() throws IOException {
    byte[] bytes = saved("refusesAnyFlippedBit");
    Random random = Seeds.random("refusesAnyFlippedBit");
    for (int from = 0; from < bytes.length; from += 4096) {
      flip(bytes, from + random.nextInt(Math.min(4096, bytes.length - from)), random.nextInt(8));
    }
    int headerBytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(12);
    for (int at = 0; at < headerBytes + 4 + 16; at++) {
      flip(bytes, at, random.nextInt(8));
    }
    for (int at = bytes.length - SnapshotHeader.END_BYTES - 4; at < bytes.length; at++) {
      flip(bytes, at, random.nextInt(8));
    }
    write(bytes);
    open(Metric.DOT).close();
  }

  private void flip(byte[] bytes, int at, int bit) throws IOException {
    bytes[at] ^= (byte) (1 << bit);
    write(bytes);
    refused(() -> open(Metric.DOT));
    bytes[at] ^= (byte) (1 << bit);
  }

  @Test
  void refusesTooFewAndTooManyBytes() throws IOException {
    byte[] bytes = saved("refusesTooFewAndTooManyBytes");
    Random random = Seeds.random("refusesTooFewAndTooManyBytes");
    List<Integer> lengths = new ArrayList<>(List.of(0, 1, 15, 16, bytes.length - 1));
    lengths.addAll(blockStarts(bytes));
    for (int i = 0; i < 30; i++) {
      lengths.add(random.nextInt(bytes.length));
    }
    for (int length : lengths) {
      write(Arrays.copyOf(bytes, length));
      refused(() -> open(Metric.DOT));
    }
    write(Arrays.copyOf(bytes, bytes.length + 1));
    refused(() -> open(Metric.DOT), "size: " + (bytes.length + 1), "expected: " + bytes.length);
  }

  private static RowLayout layout() {
    return RowLayout.of(DIMENSION, 2 * SPEC.m(), Storage.FLOAT32, true);
  }

  private static int blockRows() {
    var kind =
        new SnapshotHeader.Kind(IDENTITY, DIMENSION, Metric.DOT, Storage.FLOAT32, SPEC, layout());
    return new SnapshotHeader(kind, 1, 1, 1, 0, 0).blockRows();
  }

  /// Where each block and the end begin.
  private static List<Integer> blockStarts(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    RowLayout layout = layout();
    List<Integer> starts = new ArrayList<>();
    int left = in.getInt(24);
    int at = in.getInt(12);
    while (left > 0) {
      starts.add(at);
      int count = Math.min(left, blockRows());
      int next = at + 4 + count + 4;
      for (int i = 0; i < count; i++) {
        next += bodyBytes(layout, bytes[at + 4 + i]);
      }
      at = next;
      left -= count;
    }
    starts.add(at);
    assertThat(at + SnapshotHeader.END_BYTES).isEqualTo(bytes.length);
    assertThat(starts).hasSizeGreaterThan(2);
    return starts;
  }

  private static int bodyBytes(RowLayout layout, byte form) {
    return switch (form) {
      case 0 -> 0;
      case 1 -> layout.codes(0) + layout.remainderBytes();
      default -> layout.rowBytes();
    };
  }

  /// Whoever writes wrong rows with right checksums is refused as well.
  @Test
  void refusesRowsThatDoNotFit() throws IOException {
    byte[] bytes = saved("refusesRowsThatDoNotFit");
    RowLayout layout = layout();
    int block = blockStarts(bytes).getFirst();
    int count = blockRows();
    int row = Entry.ROWS + first(bytes, block + 4 + Entry.ROWS, SnapshotHeader.WHOLE);
    int header = block + 4 + count + layout.rowBytes();
    for (int before = Entry.ROWS; before < row; before++) {
      header += bodyBytes(layout, bytes[block + 4 + before]);
    }
    rejectsForgeries(bytes, layout, block, row, header);
  }

  private static int first(byte[] bytes, int from, byte form) {
    int at = from;
    while (bytes[at] != form) {
      at++;
    }
    return at - from;
  }

  private void rejectsForgeries(byte[] bytes, RowLayout layout, int block, int row, int header)
      throws IOException {
    int lane = header + layout.id(0);
    int other = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(lane);
    int free = Entry.ROWS + first(bytes, block + 4 + Entry.ROWS, SnapshotHeader.FREE);
    forged(bytes, in -> in.putInt(lane, row), "row " + row + ": edge to " + row);
    forged(bytes, in -> in.putInt(lane, 0), "edge to 0");
    forged(bytes, in -> in.putInt(lane, -2), "edge to -2");
    forged(bytes, in -> in.putInt(lane, Integer.MAX_VALUE), "edge to 2147483647");
    forged(
        bytes,
        in -> in.putInt(header + layout.id(1), other),
        "row " + row + ": two edges to " + other);
    forged(bytes, in -> in.putInt(lane, free), "edge to " + free);
    forged(bytes, in -> in.putInt(header + RowLayout.LOCK, 1), "row " + row);
    forged(bytes, in -> in.putInt(header + RowLayout.FLAGS, 0), "row " + row + ": flags 0");
    forged(bytes, in -> in.putLong(header + RowLayout.BIRTH, 1L << 40), "born " + (1L << 40));
    forged(bytes, in -> in.putInt(block, 7), "block 0: has number 7");
    forged(bytes, in -> in.put(block + 4 + row, (byte) 3), "form of row 3");
    forged(bytes, in -> in.putInt(24, Integer.MAX_VALUE), "size: " + bytes.length);
    forged(bytes, in -> in.putInt(24, -1), "-1 rows");
    forged(bytes, in -> in.putInt(28, Integer.MAX_VALUE), "2147483647 whole");
    forged(bytes, in -> in.putInt(36, 0), "0 live");
    forged(bytes, in -> in.putInt(40, Integer.MAX_VALUE), "identity");
    forged(bytes, in -> in.putLong(bytes.length - 16, 5), "end: belongs to another file");
  }

  private void forged(byte[] bytes, Consumer<ByteBuffer> change, String message)
      throws IOException {
    byte[] forged = bytes.clone();
    List<Integer> ends = new ArrayList<>(List.of(0));
    ends.addAll(blockStarts(bytes));
    ends.add(bytes.length);
    ByteBuffer out = ByteBuffer.wrap(forged).order(ByteOrder.LITTLE_ENDIAN);
    change.accept(out);
    CRC32C all = new CRC32C();
    for (int i = 1; i < ends.size(); i++) {
      int sum = ends.get(i) - Integer.BYTES;
      if (i == ends.size() - 1) {
        out.putInt(sum - Integer.BYTES, (int) all.getValue());
      }
      CRC32C crc = new CRC32C();
      crc.update(forged, ends.get(i - 1), sum - ends.get(i - 1));
      out.putInt(sum, (int) crc.getValue());
      all.update(forged, sum, Integer.BYTES);
    }
    write(forged);
    refused(() -> open(Metric.DOT), message);
  }

  /// Blocks that are whole each, but from two saves.
  @Test
  void refusesBlocksOfAnotherSave() throws IOException {
    Random random = Seeds.random("refusesBlocksOfAnotherSave");
    Model model = new Model(Metric.DOT);
    byte[] first;
    byte[] second;
    try (HnswIndex index = model.index) {
      model.add(random, 1_500);
      model.publish();
      model.work();
      index.save(file(), IDENTITY);
      first = Files.readAllBytes(file());
      model.remove(random, 100);
      model.add(random, 100);
      model.publish();
      index.save(file(), IDENTITY);
      second = Files.readAllBytes(file());
    }
    List<Integer> starts = blockStarts(first);
    System.arraycopy(first, starts.get(0), second, starts.get(0), starts.get(1) - starts.get(0));
    write(second);
    refused(() -> open(Metric.DOT), "end: belongs to another file");
  }

  // -------------------------------------------------------------------------------- while it is
  // used

  /// One thread writes, two work, one searches, one saves and opens again and again: each file
  /// shows just what was published when it says it was.
  @Test
  void savesWhileOthersWriteWorkAndSearch() throws Exception {
    Random random = Seeds.random("savesWhileOthersWriteWorkAndSearch");
    AtomicBoolean stop = new AtomicBoolean();
    Map<Long, TreeMap<Long, Integer>> history = new ConcurrentSkipListMap<>();
    Model model = new Model(Metric.L2);
    int saves = 0;
    try (HnswIndex index = model.index;
        ExecutorService pool = Executors.newFixedThreadPool(4)) {
      long seed = random.nextLong();
      List<Future<?>> tasks = new ArrayList<>();
      model.add(random, 1_000);
      history.put(1L, new TreeMap<>(model.ordinals));
      model.publish();
      tasks.add(pool.submit(() -> writeUntil(model, history, random, stop)));
      tasks.add(pool.submit(() -> workUntil(index, stop)));
      tasks.add(pool.submit(() -> workUntil(index, stop)));
      tasks.add(pool.submit(() -> searchUntil(index, new Random(seed), stop)));
      try {
        for (; saves < 25; saves++) {
          long seq = index.save(file(), IDENTITY);
          try (HnswIndex loaded = open(Metric.L2)) {
            new GraphCheck(loaded).checkAtWork();
            assertThat(live(loaded)).isEqualTo(history.get(seq));
          }
        }
      } finally {
        stop.set(true);
      }
      for (Future<?> task : tasks) {
        task.get();
      }
      model.work();
      new GraphCheck(index).check();
      index.save(file(), IDENTITY);
      try (HnswIndex loaded = open(Metric.L2)) {
        same(index, loaded, random);
      }
    }
    assertThat(history).hasSizeGreaterThan(saves / 4);
  }

  private static void writeUntil(
      Model model, Map<Long, TreeMap<Long, Integer>> history, Random random, AtomicBoolean stop) {
    while (!stop.get()) {
      while (model.index.pending() > PENDING_MAX && !stop.get()) {
        Thread.onSpinWait();
      }
      // Removes first: rows that die unlinked must not be used again before searches stop seeing
      // them.
      model.remove(random, 40);
      model.add(random, 40);
      model.remove(random, 10);
      model.add(random, 10);
      history.put(model.seq + 1, new TreeMap<>(model.ordinals));
      model.publish();
    }
  }

  private static void workUntil(HnswIndex index, AtomicBoolean stop) {
    while (!stop.get()) {
      if (!index.work(200)) {
        Thread.onSpinWait();
      }
    }
  }

  private static void searchUntil(HnswIndex index, Random random, AtomicBoolean stop) {
    while (!stop.get()) {
      TopK top = search(index, Seeds.gaussian(random, DIMENSION), 10);
      assertThat(top.count()).isEqualTo(10);
    }
  }
}
