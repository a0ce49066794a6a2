package io.whimbrel.bench.graph;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Comparator;
import java.util.stream.IntStream;

/// Filters by what rows are of, for example the class of an image: the labels nearest to a query,
/// or farthest from it, by the mean of their rows.
final class LabelFilters {
  private final int[] labels;
  private final BitSet[] rows;
  private final float[][] means;

  private LabelFilters(int[] labels, BitSet[] rows, float[][] means) {
    this.labels = labels;
    this.rows = rows;
    this.means = means;
  }

  /// Reads a label for each row of the base: a file of unsigned bytes, or of unsigned shorts,
  /// little-endian, by its size. Of a part of the base it takes the first.
  static LabelFilters read(Path file, SearchSet data, long baseRows) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int width = Math.toIntExact(bytes.length / baseRows);
    if (width < 1 || width > 2 || bytes.length != width * baseRows) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "--labels",
          file + " of " + bytes.length + " bytes",
          "1 or 2 bytes for each of " + baseRows + " rows");
    }
    int[] labels =
        IntStream.range(0, data.base().length)
            .map(
                row ->
                    width == 1
                        ? bytes[row] & 0xff
                        : bytes[2 * row] & 0xff | (bytes[2 * row + 1] & 0xff) << 8)
            .toArray();
    int count = IntStream.of(labels).max().orElse(0) + 1;
    BitSet[] rows = IntStream.range(0, count).mapToObj(_ -> new BitSet()).toArray(BitSet[]::new);
    for (int row = 0; row < labels.length; row++) {
      rows[labels[row]].set(row);
    }
    float[][] means = new float[count][data.dimension()];
    for (int row = 0; row < labels.length; row++) {
      float[] mean = means[labels[row]];
      float share = 1f / rows[labels[row]].cardinality();
      for (int i = 0; i < mean.length; i++) {
        mean[i] += share * data.base()[row][i];
      }
    }
    return new LabelFilters(labels, rows, means);
  }

  /// The rows of the labels nearest to the query, or farthest from it, whole labels until there are
  /// at least `count` rows; of the last label only its first rows.
  BitSet of(float[] query, boolean near, int count) {
    double[] distances = new double[means.length];
    for (int label = 0; label < means.length; label++) {
      for (int i = 0; i < query.length; i++) {
        double difference = (double) query[i] - means[label][i];
        distances[label] += difference * difference;
      }
    }
    Comparator<Integer> nearest = Comparator.comparingDouble(label -> distances[label]);
    int[] order =
        IntStream.range(0, means.length)
            .boxed()
            .sorted(near ? nearest : nearest.reversed())
            .mapToInt(label -> label)
            .toArray();
    BitSet accepted = new BitSet(labels.length);
    int wanted = count;
    for (int label : order) {
      for (int row = rows[label].nextSetBit(0);
          row >= 0 && wanted > 0;
          row = rows[label].nextSetBit(row + 1)) {
        accepted.set(row);
        wanted--;
      }
    }
    return accepted;
  }
}
