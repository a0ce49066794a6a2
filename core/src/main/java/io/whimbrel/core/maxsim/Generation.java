package io.whimbrel.core.maxsim;

import io.whimbrel.core.memory.RefCount;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.RowChunks;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/// One set of centroids and, for the tokens of all documents up to [#documents], the number of the
/// nearest one, document after document.
///
/// One thread at a time encodes; any number of threads read what it showed them by [#documents].
/// Centroids are of unit length: the nearest is the one of largest cosine.
final class Generation {
  static final ValueLayout.OfShort ID =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// Farther tokens than this, in the mean, have ids that say too little of them. Of tokens with a
  /// mean cosine of 0.54 the first stage lost a third of the best documents, of 0.74 none.
  static final double COSINE_MIN = 0.65;

  final int number;

  /// Whether the centroids are means; else they are tokens as they came.
  final boolean fitted;

  final int dimension;
  final int centroids;
  final Region rows;
  final RowChunks ids = new RowChunks(Short.BYTES);
  final RefCount references = new RefCount(this::free);

  /// Documents whose tokens are encoded: written by the encoder when their ids are there.
  private volatile int documents;

  /// Documents that were there when the centroids were made, of which [#baseline] speaks.
  private final int documentsAtFit;

  private final Cosines baseline = new Cosines();
  private Cosines recent = new Cosines();
  private volatile double meanCosine = Double.NaN;
  private volatile double recentCosine = Double.NaN;

  // Scratch of the encoder.
  private final Region panel;
  private final float[] best = new float[MaxSimKernels.PANEL];
  private final int[] nearest = new int[MaxSimKernels.PANEL];
  private final float[] norms = new float[MaxSimKernels.PANEL];
  private final float[] tokens;

  /// A sum of cosines of tokens with their centroids.
  private static final class Cosines {
    private double sum;
    private long tokens;
    private int documents;

    double mean() {
      return sum / tokens;
    }
  }

  /// @param centroids `[count][dimension]`, of unit length each
  /// @param documentsAtFit documents that [#meanCosine] is about
  Generation(int number, boolean fitted, float[][] centroids, int documentsAtFit) {
    this.number = number;
    this.fitted = fitted;
    this.centroids = centroids.length;
    this.dimension = centroids[0].length;
    this.documentsAtFit = documentsAtFit;
    this.rows = Region.shared((long) centroids.length * strideBytes());
    for (int c = 0; c < centroids.length; c++) {
      MemorySegment.copy(
          centroids[c], 0, rows.segment(), VectorMatrix.VALUE, (long) c * strideBytes(), dimension);
    }
    this.panel = Region.shared((long) dimension * MaxSimKernels.PANEL * Float.BYTES);
    this.tokens = new float[MaxSimKernels.PANEL * dimension];
  }

  private void free() {
    rows.close();
    panel.close();
    ids.close();
  }

  int strideBytes() {
    return VectorMatrix.paddedDimension(dimension) * Float.BYTES;
  }

  float[] centroid(int c) {
    float[] values = new float[dimension];
    MemorySegment.copy(
        rows.segment(), VectorMatrix.VALUE, (long) c * strideBytes(), values, 0, dimension);
    return values;
  }

  int documents() {
    return documents;
  }

  /// Mean cosine of a token and its centroid, over the documents that were there when the centroids
  /// were made; NaN before those are encoded.
  double meanCosine() {
    return meanCosine;
  }

  /// The same over the last whole window of documents since then; NaN before there is one.
  double recentCosine() {
    return recentCosine;
  }

  /// How many of the first [#documents] have ids that are good enough to choose by.
  int usable() {
    int encoded = documents;
    if (meanCosine < COSINE_MIN) {
      return 0;
    }
    return recentCosine < COSINE_MIN ? Math.min(encoded, documentsAtFit) : encoded;
  }

  int documentsAtFit() {
    return documentsAtFit;
  }

  /// Memory held. Any thread may ask; the answer is of about now.
  long bytes() {
    return rows.bytes() + panel.bytes() + ids.bytes();
  }

  /// Encodes the documents of `all` from the first that is not, `documentsMax` of them at most, up
  /// to `end`.
  ///
  /// @param window documents whose mean cosine is looked at together
  void encode(Documents all, int end, int documentsMax, int window, MaxSimKernels kernels) {
    int to = Math.min(end, documents + documentsMax);
    while (documents < to) {
      int document = documents;
      int start = all.start(document);
      int length = all.length(document);
      Cosines cosines = document < documentsAtFit ? baseline : recent;
      for (int from = 0; from < length; from += MaxSimKernels.PANEL) {
        int count = Math.min(MaxSimKernels.PANEL, length - from);
        encode(all.tokens, start + from, count, cosines, kernels);
      }
      cosines.documents++;
      documents = document + 1;
      if (documents == documentsAtFit) {
        meanCosine = baseline.mean();
      } else if (recent.documents == window) {
        recentCosine = recent.mean();
        recent = new Cosines();
      }
    }
  }

  private void encode(
      TokenStore store, int first, int count, Cosines cosines, MaxSimKernels kernels) {
    store.decode(first, count, tokens);
    fill(panel.segment(), tokens, count, dimension, norms);
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    kernels.nearest(
        panel.segment(), rows.segment(), 0, centroids, strideBytes(), dimension, best, nearest);
    for (int t = 0; t < count; t++) {
      int row = ids.reserve();
      ids.segment(row).set(ID, ids.offset(row), (short) nearest[t]);
      ids.commit();
      cosines.sum += norms[t] > 0 ? best[t] / norms[t] : 1;
    }
    cosines.tokens += count;
  }

  /// Takes the ids of `count` tokens of `other`, which has the same centroids, from `token` on:
  /// those of the next document.
  void restore(Generation other, int token, int count) {
    for (int i = 0; i < count; i++) {
      restoreId(other.id(token + i));
    }
    endDocument();
  }

  /// The centroid of a token.
  int id(int token) {
    return ids.segment(token).get(ID, ids.offset(token)) & 0xffff;
  }

  /// Takes the id of the next token.
  void restoreId(int id) {
    int row = ids.reserve();
    ids.segment(row).set(ID, ids.offset(row), (short) id);
    ids.commit();
  }

  /// Counts the document whose ids were restored.
  void endDocument() {
    int before = documents;
    documents = before + 1;
  }

  /// Sets what [#restore] does not measure.
  void restoreCosines(double mean, double latest) {
    meanCosine = mean;
    recentCosine = latest;
  }

  /// Puts the first `count` rows of `values` side by side, as the kernels want a panel, and their
  /// norms to `norms`; zeros fill it up.
  static void fill(MemorySegment panel, float[] values, int count, int dimension, float[] norms) {
    Arrays.fill(norms, 0);
    if (count < MaxSimKernels.PANEL) {
      panel.asSlice(0, (long) dimension * MaxSimKernels.PANEL * Float.BYTES).fill((byte) 0);
    }
    for (int t = 0; t < count; t++) {
      double squares = 0;
      for (int i = 0; i < dimension; i++) {
        float value = values[t * dimension + i];
        squares += (double) value * value;
        panel.set(VectorMatrix.VALUE, (long) (i * MaxSimKernels.PANEL + t) * Float.BYTES, value);
      }
      norms[t] = (float) Math.sqrt(squares);
    }
  }

  /// Copies the ids of `count` tokens from `token` on to byte 0 of `out`.
  void copyIds(int token, int count, MemorySegment out) {
    for (int from = 0; from < count; ) {
      int run = Math.min(count - from, ids.contiguous(token + from));
      MemorySegment.copy(
          ids.segment(token + from),
          ids.offset(token + from),
          out,
          (long) from * Short.BYTES,
          (long) run * Short.BYTES);
      from += run;
    }
  }
}
