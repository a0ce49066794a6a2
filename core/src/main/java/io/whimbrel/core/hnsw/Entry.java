package io.whimbrel.core.hnsw;

import static io.whimbrel.core.memory.VectorMatrix.VALUE;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.GraphKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;

/// The row that walks begin at: its vector is the mean of a sample, its neighbours are sampled
/// rows. It is no node: nothing points to it.
///
/// It is rewritten in place, lane by lane, while walks read it. What such a walk reads half-written
/// is only the order of its first steps.
final class Entry {
  /// Rows of the store before the first node.
  static final int ROWS = 1;

  private static final int ROW = 0;
  private static final int MEAN_ROWS_MAX = 512;
  private static final int PROBES_MAX = 4 * MEAN_ROWS_MAX;

  private final GraphRows rows;
  private final GraphKernels kernels;
  private final Edge edge;

  /// Linked rows at which the entry is rebuilt.
  private volatile int dueAt = 1;

  Entry(GraphRows rows, GraphKernels kernels) {
    this.rows = rows;
    this.kernels = kernels;
    this.edge = new Edge(rows.layout.codeDimension());
    int made = rows.append();
    assert made == ROW;
  }

  int row() {
    return ROW;
  }

  /// Whether so many linked rows want another sample.
  boolean isDue(int linked) {
    return linked >= dueAt;
  }

  /// Begins with the entry of a snapshot, unless that leads nowhere.
  void restore(int linked, SplittableRandom random) {
    dueAt = dueAfter(linked);
    if (rows.pointsNowhere(ROW)) {
      int[] sample = sample(random);
      if (sample.length > 0) {
        rebuild(sample[0], linked, random);
      }
    }
  }

  private int dueAfter(int linked) {
    return linked < rows.layout.degree() ? linked + 1 : 2 * linked;
  }

  /// Samples anew, `member` among the neighbours.
  synchronized void rebuild(int member, int linked, SplittableRandom random) {
    int[] sample = sample(random);
    int lane = 0;
    try (Region region = Region.confined(rows.layout.queryBytes())) {
      MemorySegment vector = region.segment();
      rows.setVector(ROW, mean(sample, vector), false, 0);
      rows.decode(kernels, ROW, vector, 0);
      put(lane++, member, vector);
      for (int i = 0; i < sample.length && lane < rows.layout.degree(); i++) {
        if (sample[i] != member) {
          put(lane++, sample[i], vector);
        }
      }
    }
    for (; lane < rows.layout.degree(); lane++) {
      rows.clearLane(ROW, lane);
    }
    dueAt = dueAfter(linked);
  }

  /// Samples anew after rows were cut off, to which the entry must not lead when they are used
  /// again.
  synchronized void renew(int linked, SplittableRandom random) {
    int[] sample = sample(random);
    if (sample.length > 0) {
      rebuild(sample[0], linked, random);
    } else {
      for (int lane = 0; lane < rows.layout.degree(); lane++) {
        rows.clearLane(ROW, lane);
      }
    }
  }

  /// Live linked rows, different ones, in random order.
  private int[] sample(SplittableRandom random) {
    int count = rows.shown();
    int[] sample = new int[MEAN_ROWS_MAX];
    int size = 0;
    for (int probe = 0; probe < PROBES_MAX && size < sample.length && count > ROWS; probe++) {
      int candidate = random.nextInt(ROWS, count);
      if (isUsable(candidate)) {
        sample[size++] = candidate;
      }
    }
    if (size < rows.layout.degree()) {
      size = 0;
      for (int candidate = ROWS; candidate < count && size < sample.length; candidate++) {
        if (isUsable(candidate)) {
          sample[size++] = candidate;
        }
      }
    }
    return Arrays.stream(sample, 0, size).distinct().toArray();
  }

  private boolean isUsable(int candidate) {
    return rows.isLinked(candidate) && !rows.isDead(candidate);
  }

  private float[] mean(int[] sample, MemorySegment vector) {
    float[] mean = new float[rows.layout.dimension()];
    for (int candidate : sample) {
      rows.decode(kernels, candidate, vector, 0);
      for (int i = 0; i < mean.length; i++) {
        mean[i] += vector.get(VALUE, (long) i * Float.BYTES) / sample.length;
      }
    }
    return mean;
  }

  private void put(int lane, int to, MemorySegment vector) {
    edge.encode(kernels, rows, vector, to, rows.distance(kernels, vector, to));
    rows.setLane(ROW, lane, to, edge, false, false);
  }
}
