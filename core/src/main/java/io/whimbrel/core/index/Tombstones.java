package io.whimbrel.core.index;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/// The sequence number at which each row died. Costs nothing for rows among which none died.
///
/// The writer writes; readers of snapshot `s` see every death up to `s` through the volatile write
/// that published `s`. They may or may not see later ones, which does not matter: those carry a
/// later number.
public final class Tombstones {
  private static final int SHIFT = 12;
  private static final int BLOCK_ROWS = 1 << SHIFT;

  /// Replaced by a longer copy when rows of a new block die. A reader with the older copy has an
  /// older snapshot.
  private volatile Blocks blocks = new Blocks(0);

  private long bytes;

  /// Deaths of 4,096 rows an entry; absent where none died, 0 where the row lives.
  private static final class Blocks extends AtomicReferenceArray<long @Nullable []> {
    Blocks(int length) {
      super(length);
    }
  }

  public void kill(int ordinal, long seq) {
    int index = ordinal >> SHIFT;
    if (index >= blocks.length()) {
      Blocks longer = new Blocks(Math.max(index + 1, 2 * blocks.length()));
      for (int i = 0; i < blocks.length(); i++) {
        longer.setPlain(i, blocks.getPlain(i));
      }
      blocks = longer;
    }
    long[] block = blocks.getPlain(index);
    if (block == null) {
      block = new long[BLOCK_ROWS];
      bytes += (long) BLOCK_ROWS * Long.BYTES;
      blocks.setRelease(index, block);
    }
    block[ordinal & (BLOCK_ROWS - 1)] = seq;
  }

  public boolean isDead(int ordinal, long seq) {
    Blocks seen = blocks;
    int index = ordinal >> SHIFT;
    long[] block = index < seen.length() ? seen.getAcquire(index) : null;
    if (block == null) {
      return false;
    }
    long death = block[ordinal & (BLOCK_ROWS - 1)];
    return death != 0 && death <= seq;
  }

  /// Writer only.
  public long bytes() {
    return bytes;
  }
}
