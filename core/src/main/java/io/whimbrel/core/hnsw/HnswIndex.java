package io.whimbrel.core.hnsw;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.memory.AtomicFile;
import io.whimbrel.core.memory.RefCount;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.GraphKernels;
import io.whimbrel.core.simd.Kernels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;

/// Approximate search in a graph whose rows hold the codes of their neighbours.
///
/// Named after HNSW, whose parameters it takes: `m` gives rows of `2 m` edges, in blocks of 32;
/// `efConstruction` is the beam that links a row; `ef` the beam of a search. Unlike HNSW (Malkov
/// and Yashunin 2016) it has one layer, entered through a row of sampled ones. The layout is that
/// of SymphonyQG (Gou et al. 2025), made to take inserts and removes one by one.
///
/// An added row is found by the searches after its publish, which scan what is not linked yet;
/// [#work] links it. A removed row is hidden at once, stays a stepping stone until work has led the
/// edges around it, and is used again when no search can stand on it any more.
///
/// Rows are walked by int8. Of float32 storage what that rounds away is kept in 16 bits more a
/// value, and ranks the hits of a walk in the end, a few more than asked for: scores are exact but
/// for rounding to 24 bits, float32's own. Of int8 storage the score is that of the decoded row,
/// which is one of unit length under COSINE.
///
/// What orders what: a row's vector is written before its birth, the birth before the publish that
/// makes it visible, its edges before the first edge to it. A vector is overwritten only after the
/// row was cut off and every walk that began before has ended (see [Pins]).
public final class HnswIndex implements VectorIndex {
  /// Longer vectors are refused under L2 and DOT: their distances would leave float32.
  public static final double SQUARED_NORM_MAX = 1e36;

  /// Rows that are scanned in the time of one hop of a walk, about. A walk makes a hop for each
  /// place of its beam, and needs a beam that is wider by the share of rows that are not accepted.
  private static final int SCANNED_PER_HOP = 8;

  /// How much wider the beam gets when a walk met too few accepted rows.
  private static final int WIDER = 2;

  /// Standard deviations of the number of accepted rows that a walk meets.
  private static final int MARGIN = 3;

  /// Hits that a walk keeps beyond `k`, to be ranked by exact distances: so many, and this share.
  private static final int SPARE_MIN = 2;

  private static final int SPARE_SHARE = 4;

  /// Squared distances of this part of the query's squared norm are what rounding rows to 24 bits
  /// makes of none.
  private static final double ROUNDING = 1e-12;

  private final int dimension;
  private final Metric metric;
  private final Storage storage;
  private final IndexSpec.Hnsw spec;
  private final GraphRows rows;
  private final Rotation rotation;
  private final Backlog backlog = new Backlog();
  private final Pins pins;
  private final Graph graph;
  private final RefCount references;

  /// Rows that may be used again.
  private final Queue<Integer> free = new ConcurrentLinkedQueue<>();

  /// Scratch of the writer.
  private final float[] writerRotated;

  // Writer only: rows added since the last publish, and what the next publish will show.
  private int[] added = new int[64];
  private int addedCount;
  private int writerLive;
  private long lastRemove;
  private final List<Integer> removed = new ArrayList<>();

  /// Held while a publish takes effect: rows are linked only after it, or before the state that it
  /// ends is saved.
  private final Object publishing = new Object();

  private final Object saving = new Object();

  private volatile Snapshot published = new Snapshot(Entry.ROWS, 0, 0);

  private record Snapshot(int rows, int live, long seq) {}

  /// Over float32 rows.
  public HnswIndex(int dimension, Metric metric, IndexSpec.Hnsw spec, Kernels kernels) {
    this(dimension, metric, Storage.FLOAT32, spec, kernels);
  }

  public HnswIndex(
      int dimension, Metric metric, Storage storage, IndexSpec.Hnsw spec, Kernels kernels) {
    this.dimension = Limits.checkRange("dimension", dimension, 1, Limits.DIMENSION_MAX);
    this.metric = metric;
    this.storage = storage;
    this.spec = spec;
    GraphKernels graphKernels = kernels.graph();
    RowLayout layout = RowLayout.of(dimension, 2 * spec.m(), storage, metric == Metric.DOT);
    this.rows = new GraphRows(layout);
    this.rotation = new Rotation(layout.dimension(), graphKernels);
    this.writerRotated = new float[layout.dimension()];
    this.pins = new Pins(() -> new Searcher(rows, graphKernels));
    this.graph =
        new Graph(rows, graphKernels, spec.efConstruction(), backlog, pins, () -> published.seq());
    this.references = new RefCount(this::free);
  }

  private void free() {
    graph.close();
    pins.close();
    rows.close();
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public Metric metric() {
    return metric;
  }

  // ------------------------------------------------------------------------------------- writer

  @Override
  public int add(float[] vector, long label) {
    checkOpen();
    double squares = prepare("vector", vector, writerRotated);
    rotation.apply(writerRotated);
    pins.collect(free::add);
    Integer freed = free.poll();
    int row = freed == null ? rows.append() : freed;
    if (freed != null) {
      rows.reset(row);
    }
    rows.setLabel(row, label);
    rows.setVector(row, writerRotated, metric == Metric.COSINE, (float) squares);
    if (addedCount == added.length) {
      added = Arrays.copyOf(added, 2 * addedCount);
    }
    added[addedCount++] = row;
    writerLive++;
    return row - Entry.ROWS;
  }

  @Override
  public int add(ByteBuffer vector, long label) {
    float[] values = new float[vector.remaining() / Float.BYTES];
    vector.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return add(values, label);
  }

  @Override
  public void remove(int ordinal, long seq) {
    checkOpen();
    Objects.checkIndex(ordinal, rows.count() - Entry.ROWS);
    int row = ordinal + Entry.ROWS;
    if (rows.isDead(row)) {
      throw new IllegalStateException("ordinal " + ordinal + " is dead (expected: live)");
    }
    if (seq <= published.seq()) {
      throw new IllegalStateException("seq: " + seq + " (expected: above " + published.seq() + ")");
    }
    rows.setDeath(row, seq);
    lastRemove = Math.max(lastRemove, seq);
    writerLive--;
    removed.add(row);
  }

  @Override
  public void publish(long seq) {
    checkOpen();
    long last = Math.max(published.seq(), lastRemove);
    if (seq < last) {
      throw new IllegalStateException("seq: " + seq + " (expected: at least " + last + ")");
    }
    synchronized (publishing) {
      for (int i = 0; i < addedCount; i++) {
        rows.setBirth(added[i], seq);
      }
      rows.show();
      backlog.append(added, addedCount);
      published = new Snapshot(rows.count(), writerLive, seq);
    }
    addedCount = 0;
    // Not sooner: until now searches saw these rows, and a snapshot has them.
    removed.forEach(graph::bury);
    removed.clear();
  }

  // ----------------------------------------------------------------------------------- searches

  @Override
  public Reader reader() {
    if (!references.tryAcquire()) {
      throw closed();
    }
    // Pinned before the publish is looked at: a row that it shows cannot be used again from here
    // on.
    Searcher searcher = pins.acquire();
    return new GraphReader(searcher, published);
  }

  private final class GraphReader implements Reader {
    private final Searcher searcher;
    private final Snapshot snapshot;

    GraphReader(Searcher searcher, Snapshot snapshot) {
      this.searcher = searcher;
      this.snapshot = snapshot;
    }

    @Override
    public TopK search(float[] query, SearchParams params, BooleanSupplier cancelled) {
      float[] rotated = new float[rows.layout.dimension()];
      double squares = prepare("query", query, rotated);
      rotation.apply(rotated);
      searcher.aim(rotated);
      return HnswIndex.this.search(searcher, snapshot, squares, params, cancelled);
    }

    @Override
    public boolean scans(SearchParams params) {
      return HnswIndex.scans(params, snapshot.live());
    }

    @Override
    public boolean isLater(int ordinal) {
      return rows.birth(ordinal + Entry.ROWS) > snapshot.seq();
    }

    @Override
    public int live() {
      return snapshot.live();
    }

    @Override
    public long seq() {
      return snapshot.seq();
    }

    @Override
    public void close() {
      pins.release(searcher);
      references.release();
    }
  }

  private TopK search(
      Searcher searcher,
      Snapshot snapshot,
      double squares,
      SearchParams params,
      BooleanSupplier cancelled) {
    AcceptBits accept = params.accept();
    int k = Math.min(params.k(), snapshot.live());
    if (k == 0) {
      return new TopK(new int[0], new long[0], new float[0], snapshot.seq());
    }
    float bar = bar(squares, params.scoreThreshold());
    int candidates = Math.min(accept.count(), snapshot.live());
    double share = (double) candidates / snapshot.live();
    if (!scans(params, snapshot.live())) {
      // A filter that has nothing to do with the query lets a beam's worth of rows through.
      int enough = accept.isAll() ? k : Math.min(candidates, Math.max(k, params.beam() / 2));
      // Of those, how many is chance: with no margin above `k`, every other walk would be repeated.
      double met = accept.isAll() ? k : k + MARGIN * Math.sqrt(k);
      double wide = Math.max(params.beam(), met) / share;
      do {
        int beam = (int) Math.min(Math.ceil(wide), Limits.EF_MAX);
        Hits hits = walk(searcher, snapshot, accept, beam, k, bar, cancelled);
        if (hits.met() >= enough) {
          return result(hits, squares, params.scoreThreshold(), snapshot.seq());
        }
        // The accepted rows lie elsewhere.
        wide *= WIDER;
      } while (wide <= Limits.EF_MAX && SCANNED_PER_HOP * wide < candidates);
    }
    Hits hits = new Hits(rows, accept, snapshot.seq(), k, bar, cancelled);
    scan(searcher, snapshot, hits);
    return result(hits, squares, params.scoreThreshold(), snapshot.seq());
  }

  /// Whether comparing every accepted row is cheaper than a walk.
  private static boolean scans(SearchParams params, int live) {
    double candidates = Math.min(params.accept().count(), live);
    return params.exact() || candidates <= SCANNED_PER_HOP * (params.beam() / (candidates / live));
  }

  /// Everything, or just the accepted.
  private void scan(Searcher searcher, Snapshot snapshot, Hits hits) {
    AcceptBits accept = hits.accept().rows();
    int count = snapshot.rows() - Entry.ROWS;
    for (int i = accept.next(0); i < count; i = accept.next(i + 1)) {
      hits.offer(searcher, i + Entry.ROWS);
    }
  }

  private Hits walk(
      Searcher searcher,
      Snapshot snapshot,
      AcceptBits accept,
      int beam,
      int k,
      float bar,
      BooleanSupplier cancelled) {
    boolean rounded = rows.layout.fine();
    Hits hits =
        new Hits(
            rows,
            accept,
            snapshot.seq(),
            rounded ? k + SPARE_MIN + k / SPARE_SHARE : k,
            rounded ? Float.POSITIVE_INFINITY : bar,
            cancelled);
    // First what is not linked, then the graph: a row linked in between is met twice, never missed.
    Backlog.Window window = backlog.window();
    for (int i = window.from(); i < window.to(); i++) {
      int row = window.array()[i];
      if (!rows.isLinked(row) && hits.accepts(row)) {
        hits.offer(searcher, row);
      }
    }
    searcher.walk(graph.entry(), beam, hits);
    if (rounded) {
      hits.refine(searcher, k);
    }
    return hits;
  }

  /// The distance at which a hit just reaches the threshold, a little more against rounding: the
  /// threshold itself is applied to the scores.
  private float bar(double squares, double scoreThreshold) {
    double distance =
        switch (metric) {
          case COSINE -> 2 - 2 * scoreThreshold;
          case L2 -> -scoreThreshold;
          case DOT -> squares - 2 * scoreThreshold;
        };
    return (float) (distance + 1e-4 * (squares + Math.abs(distance)) + Float.MIN_NORMAL);
  }

  private TopK result(Hits hits, double squares, double scoreThreshold, long seq) {
    int count = 0;
    int[] ordinals = new int[hits.count()];
    long[] labels = new long[hits.count()];
    float[] scores = new float[hits.count()];
    for (int rank = 0; rank < hits.count(); rank++) {
      float score = score(hits.distance(rank), squares);
      if (score >= scoreThreshold) {
        ordinals[count] = hits.row(rank) - Entry.ROWS;
        labels[count] = rows.label(hits.row(rank));
        scores[count++] = score;
      }
    }
    return new TopK(
        Arrays.copyOf(ordinals, count),
        Arrays.copyOf(labels, count),
        Arrays.copyOf(scores, count),
        seq);
  }

  private float score(double distance, double squares) {
    double score =
        switch (metric) {
          case COSINE -> Math.clamp(1 - distance / 2, -1, 1);
          case L2 -> distance <= ROUNDING * squares ? 0 : -distance;
          case DOT -> (squares - distance) / 2;
        };
    // Adding zero makes -0 a +0.
    return (float) Math.clamp(score, -Float.MAX_VALUE, Float.MAX_VALUE) + 0f;
  }

  // --------------------------------------------------------------------------------- background

  @Override
  public boolean work(int rowsMax) {
    if (!references.tryAcquire()) {
      return false;
    }
    try {
      return graph.work(rowsMax);
    } finally {
      references.release();
    }
  }

  @Override
  public long[] unreachable() {
    if (!references.tryAcquire()) {
      return new long[0];
    }
    try {
      return Arrays.stream(graph.unreachable()).mapToLong(rows::label).toArray();
    } finally {
      references.release();
    }
  }

  @Override
  public long seq() {
    return published.seq();
  }

  @Override
  public int rows() {
    return published.rows() - Entry.ROWS;
  }

  @Override
  public int live() {
    return published.live();
  }

  @Override
  public int pending() {
    return backlog.window().count();
  }

  @Override
  public long bytes() {
    return rows.bytes();
  }

  @Override
  public double coverage() {
    int live = published.live();
    return live == 0 ? 1 : Math.max(0, 1 - (double) pending() / live);
  }

  @Override
  public void close() {
    references.close();
  }

  // ----------------------------------------------------------------------------------- snapshots

  /// Writes what searches see at the last publish to `file`, replaced whole or not at all, and
  /// returns the number of that publish. Any thread; searches and the writer go on, [#work] waits
  /// for the writing but not for the syncing.
  ///
  /// @param identity which index of the caller this is, up to 1 KiB; asked for again by [#open]
  public long save(Path file, String identity) throws IOException {
    SnapshotHeader.Kind content = kind(identity);
    if (!references.tryAcquire()) {
      throw closed();
    }
    try {
      synchronized (saving) {
        return AtomicFile.replace(file, out -> save(out, content));
      }
    } finally {
      references.release();
    }
  }

  private long save(FileChannel out, SnapshotHeader.Kind content) throws IOException {
    long[] seq = new long[1];
    graph.whileStill(() -> {
      Snapshot snapshot;
      synchronized (publishing) {
        snapshot = published;
      }
      seq[0] = snapshot.seq();
      new SnapshotWriter(rows, snapshot.rows(), snapshot.seq())
          .write(out, content, snapshot.live());
    });
    return seq[0];
  }

  private SnapshotHeader.Kind kind(String identity) {
    return new SnapshotHeader.Kind(identity, dimension, metric, storage, spec, rows.layout);
  }

  /// The index that was saved to `file`, published as of then; the work that waited waits again.
  ///
  /// Throws [SnapshotException] where the file is damaged, not of this format, or was saved with
  /// another identity, dimension, metric or spec. Cost: the file is read once.
  public static HnswIndex open(
      Path file,
      String identity,
      int dimension,
      Metric metric,
      IndexSpec.Hnsw spec,
      Kernels kernels)
      throws IOException {
    return open(file, identity, dimension, metric, Storage.FLOAT32, spec, kernels);
  }

  /// The same over rows of `storage`.
  public static HnswIndex open(
      Path file,
      String identity,
      int dimension,
      Metric metric,
      Storage storage,
      IndexSpec.Hnsw spec,
      Kernels kernels)
      throws IOException {
    HnswIndex index = new HnswIndex(dimension, metric, storage, spec, kernels);
    try (SnapshotReader reader = new SnapshotReader(file, index.rows)) {
      index.restore(reader.read(index.kind(identity)));
      return index;
    } catch (Throwable failed) {
      index.close();
      throw failed;
    }
  }

  private void restore(SnapshotHeader header) {
    rows.show();
    int[] pending = new int[header.pending()];
    int count = 0;
    for (int row = Entry.ROWS; row < rows.count(); row++) {
      if (rows.birth(row) == GraphRows.NEVER) {
        free.add(row);
      } else if (!rows.isLinked(row)) {
        pending[count++] = row;
      }
    }
    backlog.append(pending, count);
    graph.restore();
    writerLive = header.live();
    published = new Snapshot(rows.count(), writerLive, header.seq());
  }

  @Override
  public void forEachLive(LiveRow each) {
    checkOpen();
    Snapshot snapshot = published;
    for (int row = Entry.ROWS; row < snapshot.rows(); row++) {
      if (Hits.isVisible(rows, row, snapshot.seq())) {
        each.accept(rows.label(row), row - Entry.ROWS);
      }
    }
  }

  // ------------------------------------------------------------------------------------- checks

  /// Checks a vector, scales it for COSINE and pads it into `out`. Returns its squared norm as
  /// stored.
  private double prepare(String field, float[] vector, float[] out) {
    if (vector.length != dimension) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH, field, vector.length + " values", dimension + " values");
    }
    double squares = squares(vector);
    if (!Double.isFinite(squares)) {
      throw WhimbrelException.of(
          ErrorCode.NOT_FINITE, field, "NaN or infinite value", "finite values");
    }
    if (metric != Metric.COSINE && squares > SQUARED_NORM_MAX) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED,
          field,
          "norm " + (float) Math.sqrt(squares),
          "a norm of at most " + (float) Math.sqrt(SQUARED_NORM_MAX));
    }
    Arrays.fill(out, dimension, out.length, 0);
    if (metric != Metric.COSINE) {
      System.arraycopy(vector, 0, out, 0, dimension);
      return squares;
    }
    if (squares == 0) {
      throw WhimbrelException.of(
          ErrorCode.ZERO_VECTOR, field, "all zero", "a direction, for COSINE");
    }
    double scale = 1 / Math.sqrt(squares);
    for (int i = 0; i < dimension; i++) {
      out[i] = (float) (vector[i] * scale);
    }
    return 1;
  }

  /// The squared norm: four sums, since each addition waits for the one before.
  private static double squares(float[] vector) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i <= vector.length - 4; i += 4) {
      s0 += (double) vector[i] * vector[i];
      s1 += (double) vector[i + 1] * vector[i + 1];
      s2 += (double) vector[i + 2] * vector[i + 2];
      s3 += (double) vector[i + 3] * vector[i + 3];
    }
    for (; i < vector.length; i++) {
      s0 += (double) vector[i] * vector[i];
    }
    return s0 + s1 + (s2 + s3);
  }

  /// For checks of the whole graph.
  Graph graph() {
    return graph;
  }

  GraphRows graphRows() {
    return rows;
  }

  int entry() {
    return graph.entry();
  }

  private void checkOpen() {
    if (references.closed()) {
      throw closed();
    }
  }

  private static WhimbrelException closed() {
    return WhimbrelException.of(ErrorCode.UNAVAILABLE, "index", "closed", "open");
  }
}
