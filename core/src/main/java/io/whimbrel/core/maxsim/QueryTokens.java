package io.whimbrel.core.maxsim;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// One query, packed by panels for the kernels of each stage as they are reached.
///
/// Owns its tables, in memory of the thread that made it. One thread.
final class QueryTokens implements AutoCloseable {
  private static final int PANEL = MaxSimKernels.PANEL;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int BITS_TABLE = MaxSimKernels.BITS_ROWS * PANEL;

  final int count;
  final int panels;
  private final int dimension;

  /// `[count][dimension]`.
  private final float[] values;

  private final MaxSimKernels kernels;
  private final Region floats;
  private @Nullable Region codes;
  private @Nullable Region signs;
  private @Nullable Region centroids;

  private final float[] codeScales;
  private final float[] best = new float[PANEL];
  private final short[] bestSums = new short[PANEL];

  @SuppressWarnings("MustBeClosedChecker") // The query is the owner.
  QueryTokens(float[] values, int dimension, MaxSimKernels kernels) {
    this.values = values;
    this.dimension = dimension;
    this.kernels = kernels;
    this.count = values.length / dimension;
    this.panels = Math.ceilDiv(count, PANEL);
    this.codeScales = new float[panels * PANEL];
    this.floats = Region.confined((long) panels * floatBytes());
    float[] norms = new float[PANEL];
    for (int p = 0; p < panels; p++) {
      float[] part =
          Arrays.copyOfRange(
              values, p * PANEL * dimension, Math.min(count, (p + 1) * PANEL) * dimension);
      Generation.fill(panel(p), part, part.length / dimension, dimension, norms);
    }
  }

  private int floatBytes() {
    return dimension * PANEL * Float.BYTES;
  }

  private MemorySegment panel(int p) {
    return floats.segment().asSlice((long) p * floatBytes(), floatBytes());
  }

  /// Tokens of panel `p`.
  private int size(int p) {
    return Math.min(PANEL, count - p * PANEL);
  }

  // -------------------------------------------------------------------------------- centroid ids

  /// One row of scores for each centroid, `[panels][centroids][32]` bytes. Scores are in units of
  /// 1/127 of the largest norm of a query token.
  MemorySegment centroidTables(Generation generation) {
    if (centroids == null) {
      int bytes = generation.centroids * PANEL;
      centroids = Region.confined((long) panels * bytes);
      double norm = 0;
      for (int t = 0; t < count; t++) {
        norm = Math.max(norm, Math.sqrt(squares(t)));
      }
      float scale = norm == 0 ? 0 : (float) (127 / norm);
      for (int p = 0; p < panels; p++) {
        kernels.fillTable(
            panel(p),
            generation.rows.segment(),
            generation.centroids,
            generation.strideBytes(),
            dimension,
            scale,
            centroids.segment(),
            (long) p * bytes);
      }
    }
    return centroids.segment();
  }

  private double squares(int t) {
    double squares = 0;
    for (int i = t * dimension; i < (t + 1) * dimension; i++) {
      squares += (double) values[i] * values[i];
    }
    return squares;
  }

  // --------------------------------------------------------------------------------------- signs

  /// An estimate for the order of documents, from the signs of their tokens: for each query token
  /// the largest sum of its values over the ones, in steps that all tokens share.
  int scoreSigns(Documents documents, int document) {
    int bits = documents.signBits();
    MemorySegment tables = signTables(bits);
    int bytes = bits / MaxSimKernels.BITS_GROUP * BITS_TABLE;
    int start = documents.start(document);
    int length = documents.length(document);
    int stride = bits / Byte.SIZE;
    int score = 0;
    for (int p = 0; p < panels; p++) {
      MemorySegment table = tables.asSlice((long) p * bytes, bytes);
      Arrays.fill(bestSums, (short) 0);
      for (int from = 0; from < length; ) {
        int run = Math.min(length - from, documents.signs.contiguous(start + from));
        kernels.maxBits(
            table,
            documents.signs.segment(start + from),
            documents.signs.offset(start + from),
            run,
            stride,
            bits,
            bestSums);
        from += run;
      }
      for (short sum : bestSums) {
        score += sum;
      }
    }
    return score;
  }

  private MemorySegment signTables(int bits) {
    if (signs == null) {
      int bytes = bits / MaxSimKernels.BITS_GROUP * BITS_TABLE;
      signs = Region.confined((long) panels * bytes);
      double widest = 0;
      for (int at = 0; at < values.length; at += dimension) {
        for (int g = 0; g < dimension; g += MaxSimKernels.BITS_GROUP) {
          double width = 0;
          for (int i = g; i < Math.min(dimension, g + MaxSimKernels.BITS_GROUP); i++) {
            width += Math.abs(values[at + i]);
          }
          widest = Math.max(widest, width);
        }
      }
      double perUnit = widest == 0 ? 0 : MaxSimKernels.BITS_ENTRY_MAX / widest;
      for (int t = 0; t < count; t++) {
        fillSigns(t, signs.segment(), (long) (t / PANEL) * bytes + t % PANEL, perUnit);
      }
    }
    return signs.segment();
  }

  /// The entries of one token: the sum over the ones of four signs, less the least such sum.
  private void fillSigns(int t, MemorySegment tables, long at, double perUnit) {
    double[] sums = new double[MaxSimKernels.BITS_ROWS];
    for (int g = 0; g < dimension; g += MaxSimKernels.BITS_GROUP) {
      sums[0] = 0;
      int size = Math.min(MaxSimKernels.BITS_GROUP, dimension - g);
      int from = t * dimension + g;
      for (int i = 0; i < size; i++) {
        sums[0] -= Math.min(0, values[from + i]);
      }
      for (int ones = 1; ones < sums.length; ones++) {
        int lowest = Integer.numberOfTrailingZeros(ones);
        sums[ones] = sums[ones & ones - 1] + (lowest < size ? values[from + lowest] : 0);
      }
      long table = at + (long) g / MaxSimKernels.BITS_GROUP * BITS_TABLE;
      for (int ones = 0; ones < sums.length; ones++) {
        double entry = Math.clamp(Math.rint(sums[ones] * perUnit), 0, MaxSimKernels.BITS_ENTRY_MAX);
        tables.set(ValueLayout.JAVA_BYTE, table + (long) ones * PANEL, (byte) entry);
      }
    }
  }

  // ---------------------------------------------------------------------------------------- int8

  /// MaxSim of the rounded query with the rounded tokens: for the choice of the last candidates.
  double scoreCodes(TokenStore.Int8 tokens, int start, int length) {
    int padded = tokens.paddedDimension();
    int bytes = padded * PANEL * Short.BYTES;
    MemorySegment packed = codePanels(padded);
    double score = 0;
    for (int p = 0; p < panels; p++) {
      MemorySegment panel = packed.asSlice((long) p * bytes, bytes);
      Arrays.fill(best, Float.NEGATIVE_INFINITY);
      for (int from = 0; from < length; ) {
        int run = Math.min(length - from, tokens.contiguous(start + from));
        kernels.maxInt8(
            panel,
            tokens.codes(start + from),
            tokens.codesAt(start + from),
            run,
            padded,
            padded,
            tokens.scales(start + from),
            tokens.scalesAt(start + from),
            best);
        from += run;
      }
      for (int t = 0; t < size(p); t++) {
        score += (double) best[t] * codeScales[p * PANEL + t];
      }
    }
    return score;
  }

  private MemorySegment codePanels(int padded) {
    if (codes == null) {
      codes = Region.confined((long) panels * padded * PANEL * Short.BYTES);
      TokenCodes codec = TokenCodes.ofQueries(dimension);
      byte[] encoded = new byte[dimension];
      for (int t = 0; t < count; t++) {
        codeScales[t] = codec.encode(values, t * dimension, encoded);
        long panel = (long) (t / PANEL) * padded * PANEL + t % PANEL;
        for (int i = 0; i < dimension; i++) {
          codes.segment().set(SHORT, Short.BYTES * (panel + (long) i * PANEL), encoded[i]);
        }
      }
    }
    return codes.segment();
  }

  // ------------------------------------------------------------------------------------- float32

  /// MaxSim with rows of float32. `best` of each query token goes to `out`, where it is larger.
  void maxFloat(MemorySegment rows, long at, int length, int strideBytes, float[] out) {
    for (int p = 0; p < panels; p++) {
      System.arraycopy(out, p * PANEL, best, 0, PANEL);
      kernels.maxFloat(panel(p), rows, at, length, strideBytes, dimension, best);
      System.arraycopy(best, 0, out, p * PANEL, PANEL);
    }
  }

  /// The row of largest inner product for each query token, numbered from `first`; inner products
  /// to `out` and numbers to `rowOf`, where they are larger.
  void nearest(
      MemorySegment rows, int first, int length, int strideBytes, float[] out, int[] rowOf) {
    int[] numbers = new int[PANEL];
    for (int p = 0; p < panels; p++) {
      System.arraycopy(out, p * PANEL, best, 0, PANEL);
      System.arraycopy(rowOf, p * PANEL, numbers, 0, PANEL);
      kernels.nearest(panel(p), rows, first, length, strideBytes, dimension, best, numbers);
      System.arraycopy(best, 0, out, p * PANEL, PANEL);
      System.arraycopy(numbers, 0, rowOf, p * PANEL, PANEL);
    }
  }

  /// How many entries [#maxFloat] and [#nearest] have.
  int slots() {
    return panels * PANEL;
  }

  @Override
  public void close() {
    floats.close();
    for (Region table : new @Nullable Region[] {codes, signs, centroids}) {
      if (table != null) {
        table.close();
      }
    }
  }

  /// Bytes of a row of float32 as [VectorMatrix] lays it out.
  static int strideBytes(int dimension) {
    return VectorMatrix.paddedDimension(dimension) * Float.BYTES;
  }
}
