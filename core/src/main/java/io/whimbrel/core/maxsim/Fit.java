package io.whimbrel.core.maxsim;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;

/// Finds centroids for the tokens of some documents: k-means by cosine over a sample, in small
/// steps, by one thread at a time.
///
/// The sample, and with it the centroids, depend only on the documents and the number of the
/// generation.
final class Fit implements AutoCloseable {
  /// Tokens in the sample for each centroid. More change the centroids little.
  private static final int SAMPLE_PER_CENTROID = 16;

  static final int PASSES = 4;

  /// Attempts to meet a live document, for each token of the sample.
  private static final int DRAWS_MAX = 20;

  private final int dimension;
  private final int passes;
  private final float[][] centroids;
  private final float[] sample;
  private final int sampled;
  private final MaxSimKernels kernels;
  private final Random random;

  private final float[][] sums;
  private final int[] members;
  private final Region rows;
  private final Region panel;
  private final float[] best = new float[MaxSimKernels.PANEL];
  private final int[] nearest = new int[MaxSimKernels.PANEL];
  private final float[] norms = new float[MaxSimKernels.PANEL];
  private int pass;
  private int next;

  /// @param documents of which `end` are looked at, those that are dead at `seq` left out
  /// @param passes over the sample; 0 takes tokens as they come for centroids
  @SuppressWarnings("MustBeClosedChecker") // The fit is the owner.
  Fit(
      Documents documents,
      int end,
      long seq,
      int centroids,
      int passes,
      int number,
      MaxSimKernels kernels) {
    this.dimension = documents.dimension;
    this.passes = passes;
    this.kernels = kernels;
    this.random = new Random(number);
    long tokens = documents.start(end);
    int wanted = (int) Math.min(tokens, (long) centroids * (passes == 0 ? 1 : SAMPLE_PER_CENTROID));
    this.sample = new float[wanted * dimension];
    this.sampled = draw(documents, end, seq, wanted, tokens);
    this.centroids = new float[Math.min(centroids, sampled)][];
    for (int c = 0; c < this.centroids.length; c++) {
      this.centroids[c] = unit(token(c));
    }
    this.sums = new float[this.centroids.length][dimension];
    this.members = new int[this.centroids.length];
    int stride = QueryTokens.strideBytes(dimension);
    this.rows = Region.shared((long) this.centroids.length * stride);
    this.panel = Region.shared((long) dimension * MaxSimKernels.PANEL * Float.BYTES);
    copyCentroids();
  }

  /// Draws tokens without looking at the rest, and counts them. Few draws meet dead documents,
  /// since an index with more dead than live ones is copied.
  private int draw(Documents documents, int end, long seq, int wanted, long tokens) {
    int[] starts = documents.starts();
    float[] row = new float[dimension];
    int drawn = 0;
    for (long i = 0; drawn < wanted && i < (long) DRAWS_MAX * wanted; i++) {
      int token = (int) random.nextLong(tokens);
      int found = Arrays.binarySearch(starts, 0, end + 1, token);
      int document = found >= 0 ? found : -found - 2;
      if (!documents.isDead(document, seq)) {
        documents.tokens.decode(token, 1, row);
        System.arraycopy(row, 0, sample, drawn++ * dimension, dimension);
      }
    }
    return drawn;
  }

  private float[] token(int i) {
    return Arrays.copyOfRange(sample, i * dimension, (i + 1) * dimension);
  }

  private static float[] unit(float[] values) {
    double squares = 0;
    for (float value : values) {
      squares += (double) value * value;
    }
    if (squares > 0) {
      double scale = 1 / Math.sqrt(squares);
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (values[i] * scale);
      }
    }
    return values;
  }

  private void copyCentroids() {
    int stride = QueryTokens.strideBytes(dimension);
    for (int c = 0; c < centroids.length; c++) {
      MemorySegment.copy(
          centroids[c], 0, rows.segment(), VectorMatrix.VALUE, (long) c * stride, dimension);
    }
  }

  /// Whether there were live tokens at all.
  boolean isEmpty() {
    return sampled == 0;
  }

  /// Whether the centroids are means, not tokens as they came.
  boolean isFitted() {
    return passes > 0;
  }

  boolean isDone() {
    return pass == passes;
  }

  /// Looks at about `tokens` more tokens of the sample.
  void step(int tokens) {
    int to = (int) Math.min(sampled, (long) next + tokens);
    for (; next < to; next += MaxSimKernels.PANEL) {
      assign(next, Math.min(MaxSimKernels.PANEL, sampled - next));
    }
    if (next >= sampled) {
      move();
      next = 0;
      pass++;
    }
  }

  private void assign(int first, int count) {
    float[] part = Arrays.copyOfRange(sample, first * dimension, (first + count) * dimension);
    Generation.fill(panel.segment(), part, count, dimension, norms);
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    kernels.nearest(
        panel.segment(),
        rows.segment(),
        0,
        centroids.length,
        QueryTokens.strideBytes(dimension),
        dimension,
        best,
        nearest);
    for (int t = 0; t < count; t++) {
      float scale = norms[t] > 0 ? 1 / norms[t] : 0;
      float[] sum = sums[nearest[t]];
      for (int i = 0; i < dimension; i++) {
        sum[i] += part[t * dimension + i] * scale;
      }
      members[nearest[t]]++;
    }
  }

  /// Moves each centroid to the mean direction of its tokens, and one without tokens to a token.
  private void move() {
    for (int c = 0; c < centroids.length; c++) {
      centroids[c] = unit(members[c] == 0 ? token(random.nextInt(sampled)) : sums[c].clone());
      Arrays.fill(sums[c], 0);
      members[c] = 0;
    }
    copyCentroids();
  }

  /// The centroids found, lent.
  float[][] centroids() {
    return centroids;
  }

  @Override
  public void close() {
    rows.close();
    panel.close();
  }
}
