package io.whimbrel.core.hnsw;

import io.whimbrel.core.simd.GraphKernels;
import java.util.Arrays;

/// The best estimates that a walk has met: `width` of them count, and the walk ends when all of
/// these were taken.
///
/// Open entries are in no order. Taking one searches them all for the least, sixteen at a time, and
/// adding one is an append: no branch depends on how estimates compare, where keeping them sorted
/// mispredicts and waits for its own stores at each insertion. Whenever half a width has come in,
/// what cannot be among the `width` best any more is dropped. The same node may stand here several
/// times, but counts once it was taken.
///
/// Estimates are kept as ints of the same order. One thread.
final class Beam {
  /// What [#take] returns at the end.
  static final int NONE = -1;

  private static final int MARGIN = GraphKernels.KEY_MARGIN;

  /// Entries that come in at least before a prune pays.
  private static final int SPARE_MIN = 32;

  /// Halvings of the range of estimates in a prune: then what is kept is few more than wanted.
  private static final int HALVINGS_MAX = 16;

  private final GraphKernels kernels;
  private int width;

  /// Prune when so many are open and taken.
  private int pruneAt;

  private int[] keys = new int[256];
  private int[] nodes = new int[256];
  private int open;

  private int[] taken = new int[256];
  private int takenCount;

  /// Estimates from here on cannot count.
  private int bound;

  Beam(GraphKernels kernels) {
    this.kernels = kernels;
  }

  void begin(int newWidth) {
    width = newWidth;
    open = 0;
    takenCount = 0;
    bound = Integer.MAX_VALUE;
    pruneAt = width + Math.max(SPARE_MIN, width / 2);
  }

  /// The bits of floats, those of negative ones turned round: ints in the same order.
  private static int key(float estimate) {
    int bits = Float.floatToRawIntBits(estimate);
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  /// Estimates that are not below this are not worth an [#add].
  float bound() {
    int bits = bound ^ (bound >> 31 & Integer.MAX_VALUE);
    return bound == Integer.MAX_VALUE ? Float.POSITIVE_INFINITY : Float.intBitsToFloat(bits);
  }

  /// Makes room for so many calls of [#add].
  void reserve(int count) {
    if (open + takenCount >= pruneAt) {
      prune();
    }
    if (open + count + MARGIN > keys.length) {
      int length = 2 * (open + count + MARGIN);
      keys = Arrays.copyOf(keys, length);
      nodes = Arrays.copyOf(nodes, length);
    }
  }

  /// Adds an entry, or nothing where `count` is 0 instead of 1.
  void add(float estimate, int node, int count) {
    keys[open] = key(estimate);
    nodes[open] = node;
    open += count;
  }

  /// Removes the entry of the least estimate and returns its node, or [#NONE] when that is not
  /// among the best.
  int take() {
    if (open == 0) {
      return NONE;
    }
    int at = kernels.least(keys, open);
    int key = keys[at];
    if (takenCount >= width && kernels.countBelow(taken, takenCount, key) >= width) {
      return NONE;
    }
    int node = nodes[at];
    open--;
    keys[at] = keys[open];
    nodes[at] = nodes[open];
    if (takenCount + 1 + MARGIN > taken.length) {
      taken = Arrays.copyOf(taken, 2 * taken.length);
    }
    taken[takenCount++] = key;
    return node;
  }

  /// Lets the entry that was taken last not count: its node had been taken before.
  void discount() {
    takenCount--;
  }

  private int countBelow(int key) {
    return kernels.countBelow(taken, takenCount, key) + kernels.countBelow(keys, open, key);
  }

  /// Lowers the bound until it leaves little more than `width` entries, and drops the others.
  private void prune() {
    long low = Integer.MIN_VALUE;
    long high = bound;
    if (open > 0) {
      low = keys[kernels.least(keys, open)];
      if (bound == Integer.MAX_VALUE) {
        high = 1L + Arrays.stream(keys, 0, open).max().getAsInt();
      }
    }
    int enough = width + width / 16;
    for (int i = 0; i < HALVINGS_MAX && high - low > 1; i++) {
      long middle = (low + high) >> 1;
      int count = countBelow((int) middle);
      if (count < width) {
        low = middle;
      } else {
        high = middle;
        if (count <= enough) {
          break;
        }
      }
    }
    bound = (int) Math.min(high, Integer.MAX_VALUE);
    int kept = 0;
    for (int i = 0; i < open; i++) {
      int key = keys[i];
      keys[kept] = key;
      nodes[kept] = nodes[i];
      kept += key < bound ? 1 : 0;
    }
    // Of more equal ones than count, any will do.
    open = Math.min(kept, 2 * width);
    pruneAt = Math.max(width, open + takenCount) + Math.max(SPARE_MIN, width / 2);
  }
}
