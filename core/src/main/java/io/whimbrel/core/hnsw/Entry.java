package io.whimbrel.core.hnsw;

import io.whimbrel.core.simd.GraphKernels;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.SplittableRandom;

/// The row that walks begin at: its vector is the mean of a sample, its neighbours are sampled
/// rows. It is no node: nothing points to it.
///
/// Two rows take turns. The idle one is rewritten, and only when no walk that began on it can still
/// read it; else the rebuild is put off.
final class Entry {
  /// Rows of the store that are entries.
  static final int ROWS = 2;

  private static final int MEAN_ROWS_MAX = 512;
  private static final int PROBES_MAX = 4 * MEAN_ROWS_MAX;

  private final GraphRows rows;
  private final GraphKernels kernels;
  private final Pins pins;
  private final Edge edge;
  private volatile int row;

  /// Epoch since which no new walk begins at the idle row.
  private long idleSince;

  /// Linked rows at which the entry is rebuilt.
  private volatile int dueAt = 1;

  Entry(GraphRows rows, GraphKernels kernels, Pins pins) {
    this.rows = rows;
    this.kernels = kernels;
    this.pins = pins;
    this.edge = new Edge(rows.layout.codeDimension());
    for (int i = 0; i < ROWS; i++) {
      int made = rows.append();
      assert made == i;
    }
  }

  int row() {
    return row;
  }

  /// Whether so many linked rows want another sample.
  boolean isDue(int linked) {
    return linked >= dueAt;
  }

  /// Begins with the row 0 of a snapshot, unless that leads nowhere.
  void restore(int linked, SplittableRandom random) {
    dueAt = dueAfter(linked);
    if (rows.pointsNowhere(row)) {
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
    if (!pins.allSince(idleSince)) {
      return;
    }
    int[] sample = sample(random);
    int idle = ROWS - 1 - row;
    fill(idle, sample, member);
    VarHandle.releaseFence();
    row = idle;
    idleSince = pins.next();
    dueAt = dueAfter(linked);
  }

  /// Samples anew after rows were cut off: the entry must not lead to them when they are used
  /// again. The entry in use is cleared of them where it cannot be replaced.
  synchronized void renew(int linked, SplittableRandom random) {
    int[] sample = sample(random);
    if (sample.length > 0) {
      rebuild(sample[0], linked, random);
    }
    for (int i = 0; i < ROWS; i++) {
      for (int lane = 0; lane < rows.layout.degree(); lane++) {
        int to = rows.id(i, lane);
        if (to >= 0 && rows.isDead(to)) {
          rows.clearLane(i, lane);
        }
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

  private void fill(int idle, int[] sample, int member) {
    rows.reset(idle);
    int dimension = rows.layout.dimension();
    float[] mean = new float[dimension];
    float[] vector = new float[dimension];
    for (int candidate : sample) {
      rows.copyVector(candidate, vector);
      for (int i = 0; i < dimension; i++) {
        mean[i] += vector[i] / sample.length;
      }
    }
    rows.setVector(idle, mean, 0, 0);
    int lane = 0;
    put(idle, lane++, member);
    for (int i = 0; i < sample.length && lane < rows.layout.degree(); i++) {
      if (sample[i] != member) {
        put(idle, lane++, sample[i]);
      }
    }
  }

  private void put(int idle, int lane, int to) {
    edge.encode(kernels, rows, idle, to, rows.distance(kernels, idle, to));
    rows.setLane(idle, lane, to, edge, false, false);
  }
}
