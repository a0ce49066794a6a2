package io.whimbrel.core.index;

import io.whimbrel.core.memory.RefCount;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.Kernels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/// Exact search: every row is compared with the query.
///
/// With [Storage#INT8] the rows are rounded as [io.whimbrel.core.quant.AffineCodec] says, and exact
/// means: the best of those.
///
/// A search reads one snapshot and scans its rows in blocks: the kernel fills a buffer of scores,
/// and only a score that beats the worst hit so far costs more than one comparison. Whether a row
/// is dead is looked up only then.
public final class FlatIndex implements VectorIndex {
  private static final int BLOCK_ROWS_MAX = 1024;
  private static final int BLOCK_BYTES_MAX = 4 << 20;

  /// Rows that are scanned in the time of one that is picked out of the rows between.
  private static final int ROWS_SCANNED_PER_PICKED = 8;

  /// With fewer removed rows copying the live ones is not worth it.
  private static final int COMPACTION_ROWS_MIN = 4096;

  private final int dimension;
  private final Metric metric;
  private final Storage storage;
  private final Kernels kernels;
  private final Rows stored;
  private final Tombstones tombstones = new Tombstones();

  /// By ordinal. Replaced by a longer copy when full; an entry is written before its row is
  /// published, so a reader of the snapshot finds it in whichever array it gets afterwards.
  private volatile long[] labels = new long[64];

  private final RefCount references;
  private final int blockRows;

  /// Scratch of the writer.
  private final float[] writerRow;

  /// Live rows, published or not. Writer only.
  private int writerLive;

  /// Sequence number of the latest remove. Writer only.
  private long lastRemove;

  /// Written by the writer in `publish`, read by each search once: this orders everything else that
  /// readers touch.
  private volatile Snapshot published = new Snapshot(0, 0, 0, 0);

  private record Snapshot(int rows, int live, long bytes, long seq) {}

  /// An index of float32 rows.
  public FlatIndex(int dimension, Metric metric, Kernels kernels) {
    this(dimension, metric, Storage.FLOAT32, kernels);
  }

  public FlatIndex(int dimension, Metric metric, Storage storage, Kernels kernels) {
    this.dimension = Limits.checkRange("dimension", dimension, 1, Limits.DIMENSION_MAX);
    this.metric = metric;
    this.storage = storage;
    this.kernels = kernels;
    this.stored = Rows.of(storage, dimension, metric, kernels);
    this.references = new RefCount(stored::close);
    this.blockRows = Math.min(BLOCK_ROWS_MAX, BLOCK_BYTES_MAX / stored.rowBytes());
    this.writerRow = new float[dimension];
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public Metric metric() {
    return metric;
  }

  @Override
  public int add(float[] vector, long label) {
    double scale = checkedScale("vector", vector);
    if (scale == 1) {
      return addStored(vector, label);
    }
    scale(vector, scale, writerRow);
    return addStored(writerRow, label);
  }

  @Override
  public int add(ByteBuffer vector, long label) {
    if (vector.remaining() != dimension * Float.BYTES) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          "vector",
          vector.remaining() + " bytes",
          dimension * Float.BYTES + " bytes");
    }
    vector.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(writerRow);
    return add(writerRow, label);
  }

  /// Writer. Takes a row as [#copyRow] gave it, without touching its values.
  int addStored(float[] row, long label) {
    checkOpen();
    checkDimension("vector", row);
    int ordinal = stored.append(row);
    if (ordinal == labels.length) {
      labels = Arrays.copyOf(labels, 2 * labels.length);
    }
    labels[ordinal] = label;
    writerLive++;
    return ordinal;
  }

  @Override
  public void remove(int ordinal, long seq) {
    checkOpen();
    if (!isLive(ordinal)) {
      throw new IllegalStateException("ordinal " + ordinal + " is dead (expected: live)");
    }
    long last = published.seq();
    if (seq <= last) {
      throw new IllegalStateException("seq: " + seq + " (expected: above " + last + ")");
    }
    tombstones.kill(ordinal, seq);
    lastRemove = Math.max(lastRemove, seq);
    writerLive--;
  }

  @Override
  public void publish(long seq) {
    checkOpen();
    // A remove beyond the publish would be counted but not seen.
    long last = Math.max(published.seq(), lastRemove);
    if (seq < last) {
      throw new IllegalStateException("seq: " + seq + " (expected: at least " + last + ")");
    }
    published = new Snapshot(stored.count(), writerLive, memoryBytes(), seq);
  }

  private long memoryBytes() {
    return stored.bytes() + tombstones.bytes() + Long.BYTES * (long) labels.length;
  }

  /// Writer. Whether removed rows outnumber the live ones so far that [#compacted] pays.
  public boolean wantsCompaction() {
    int dead = stored.count() - writerLive;
    return dead > Math.max(COMPACTION_ROWS_MIN, writerLive);
  }

  /// Writer. A new index with the published live rows of this one, as of `seq`. The caller moves
  /// its searches over and closes this one.
  public FlatIndex compacted(long seq) {
    FlatIndex compacted = new FlatIndex(dimension, metric, storage, kernels);
    float[] row = new float[dimension];
    forEachLive((label, ordinal) -> {
      copyRow(ordinal, row);
      compacted.addStored(row, label);
    });
    compacted.publish(seq);
    return compacted;
  }

  @Override
  public void forEachLive(LiveRow each) {
    checkOpen();
    Snapshot shown = published;
    for (int ordinal = 0; ordinal < shown.rows(); ordinal++) {
      if (!tombstones.isDead(ordinal, shown.seq())) {
        each.accept(labels[ordinal], ordinal);
      }
    }
  }

  /// Writer. Whether the row was added and not removed, published or not.
  boolean isLive(int ordinal) {
    checkOrdinal(ordinal);
    return !tombstones.isDead(ordinal, Long.MAX_VALUE);
  }

  /// Writer. Copies a row as it is stored to the first `dimension` elements of `out`.
  void copyRow(int ordinal, float[] out) {
    checkOpen();
    checkOrdinal(ordinal);
    stored.copyRow(ordinal, out);
  }

  @Override
  public long seq() {
    return published.seq();
  }

  @Override
  public int rows() {
    return published.rows();
  }

  @Override
  public int live() {
    return published.live();
  }

  @Override
  public long bytes() {
    return published.bytes();
  }

  @Override
  public boolean work(int rowsMax) {
    return false;
  }

  @Override
  public int pending() {
    return 0;
  }

  @Override
  public double coverage() {
    return 1;
  }

  @Override
  public void close() {
    references.close();
  }

  @Override
  public Reader reader() {
    if (!references.tryAcquire()) {
      throw closed();
    }
    return new FlatReader(published);
  }

  private final class FlatReader implements Reader {
    private final Snapshot snapshot;

    FlatReader(Snapshot snapshot) {
      this.snapshot = snapshot;
    }

    @Override
    public TopK search(float[] query, SearchParams params, BooleanSupplier cancelled) {
      double scale = checkedScale("query", query);
      float[] scaled = new float[dimension];
      scale(query, scale, scaled);
      try (Rows.Query prepared = stored.query(scaled)) {
        return new Scan(scaled, dimension, prepared, params, snapshot).run(cancelled);
      }
    }

    @Override
    public boolean searchesPrefixes() {
      return stored.hasPrefixes();
    }

    @Override
    public TopK searchPrefix(
        float[] query, int dims, SearchParams params, BooleanSupplier cancelled) {
      checkDimension("query", query);
      Limits.checkRange("dims", dims, 1, dimension);
      float[] prefix = Arrays.copyOf(query, dims);
      double scale = scaleOf("query prefix", prefix);
      float[] scaled = new float[dimension];
      for (int i = 0; i < dims; i++) {
        scaled[i] = (float) (prefix[i] * scale);
      }
      try (Rows.Query prepared = stored.prefixQuery(scaled, dims)) {
        return new Scan(scaled, dims, prepared, params, snapshot).run(cancelled);
      }
    }

    @Override
    public boolean scans(SearchParams params) {
      return true;
    }

    @Override
    public boolean isLater(int ordinal) {
      return ordinal >= snapshot.rows();
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
      references.release();
    }
  }

  /// One search in one thread.
  private final class Scan {
    private final float[] query;

    /// Values that count.
    private final int dims;

    private final Rows.Query prepared;
    private final double scoreThreshold;

    /// Rows to look at, and those of them that may be hits.
    private final AcceptBits scanned;

    private final AcceptBits accept;
    private final Snapshot snapshot;
    private final BestHeap best;
    private final float[] scores = new float[blockRows];

    /// A finite score up to this one cannot become a hit any more.
    private float bar;

    Scan(float[] query, int dims, Rows.Query prepared, SearchParams params, Snapshot snapshot) {
      this.query = query;
      this.dims = dims;
      this.prepared = prepared;
      this.scoreThreshold = params.scoreThreshold();
      this.accept = params.accept();
      this.scanned = scanned(accept, snapshot.live());
      this.snapshot = snapshot;
      this.best = new BestHeap(Math.min(params.k(), Math.min(snapshot.live(), accept.count())));
      // The kernel's cosine may lie a rounding below -1, where a threshold must not cut it off.
      boolean everyCosine = metric == Metric.COSINE && scoreThreshold <= -1;
      this.bar = everyCosine ? Float.NEGATIVE_INFINITY : Math.nextDown((float) scoreThreshold);
    }

    /// Few accepted points are scanned alone; many are picked out of all that score well.
    private static AcceptBits scanned(AcceptBits accept, int live) {
      if (!accept.byLabel()) {
        return accept;
      }
      return accept.count() < live / ROWS_SCANNED_PER_PICKED ? accept.rows() : AcceptBits.ALL;
    }

    TopK run(BooleanSupplier cancelled) {
      int rows = best.isFull() ? 0 : snapshot.rows();
      // Runs of accepted rows; one run when all are.
      for (int row = scanned.next(0); row < rows; ) {
        if (cancelled.getAsBoolean()) {
          throw WhimbrelException.of(
              ErrorCode.CANCELLED, "search", "cancelled", "time to scan " + rows + " rows");
        }
        int end = scanned.endOfRun(row, Math.min(rows, row + blockRows));
        int count = prepared.score(row, end - row, scores);
        collect(row, count);
        row = scanned.next(row + count);
      }
      long[] labelsSeen = labels;
      return best.drain(snapshot.seq(), ordinal -> labelsSeen[ordinal]);
    }

    private void collect(int firstRow, int count) {
      for (int i = 0; i < count; i++) {
        float score = scores[i];
        // The second half lets NaN and -infinity through: sums that left the range of float32 say
        // nothing yet.
        if (score > bar || !(score >= -Float.MAX_VALUE)) {
          consider(firstRow + i, score);
        }
      }
    }

    private void consider(int row, float kernelScore) {
      float score = Float.isFinite(kernelScore) ? kernelScore : wideScore(row);
      if (metric == Metric.COSINE) {
        score = Math.clamp(score, -1f, 1f);
      }
      if (score >= scoreThreshold
          && best.wants(row, score)
          && (!accept.byLabel() || accept.containsLabel(labels[row]))
          && !tombstones.isDead(row, snapshot.seq())) {
        best.add(row, score);
        if (best.isFull()) {
          bar = best.worstScore();
        }
      }
    }

    /// The score in double arithmetic, at the end of the float32 range when beyond it.
    private float wideScore(int row) {
      float[] values = new float[dimension];
      stored.copyRow(row, values);
      double sum = 0;
      for (int i = 0; i < dims; i++) {
        double difference = (double) query[i] - values[i];
        sum += metric == Metric.L2 ? difference * difference : (double) query[i] * values[i];
      }
      double score = metric == Metric.L2 ? -sum : sum;
      return (float) Math.clamp(score, -Float.MAX_VALUE, Float.MAX_VALUE);
    }
  }

  /// Refuses a vector that this index cannot take; returns the factor that its values are stored
  /// with.
  private double checkedScale(String field, float[] vector) {
    checkDimension(field, vector);
    return scaleOf(field, vector);
  }

  private double scaleOf(String field, float[] vector) {
    double squares = squaredNorm(vector);
    // Squares of float32 cannot overflow a double: the sum is finite exactly when all values are.
    if (!Double.isFinite(squares)) {
      throw WhimbrelException.of(
          ErrorCode.NOT_FINITE, field, "NaN or infinite value", "finite values");
    }
    if (metric != Metric.COSINE) {
      return 1;
    }
    if (squares == 0) {
      throw WhimbrelException.of(
          ErrorCode.ZERO_VECTOR, field, "all zero", "a direction, for COSINE");
    }
    return 1 / Math.sqrt(squares);
  }

  /// Four sums, since one would wait for each addition before it starts the next; loading is bound
  /// by this.
  private static double squaredNorm(float[] vector) {
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

  private static void scale(float[] from, double scale, float[] to) {
    for (int i = 0; i < to.length; i++) {
      to[i] = (float) (from[i] * scale);
    }
  }

  private void checkDimension(String field, float[] vector) {
    if (vector.length != dimension) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH, field, vector.length + " values", dimension + " values");
    }
  }

  private void checkOrdinal(int ordinal) {
    if (ordinal < 0 || ordinal >= stored.count()) {
      throw new IndexOutOfBoundsException(
          "ordinal: " + ordinal + " (expected: 0 to " + (stored.count() - 1) + ")");
    }
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
