package io.whimbrel.core.index;

import java.util.Arrays;
import java.util.function.IntToLongFunction;

/// The best `capacity` of the hits offered, in a binary heap with the worst on top.
///
/// A hit is one long, so that the order by score and then by ordinal is the order of longs: the
/// bits of the score, made monotonic, above `Integer.MAX_VALUE - ordinal`.
public final class BestHeap {
  private final long[] heap;
  private int count;

  public BestHeap(int capacity) {
    heap = new long[capacity];
  }

  public boolean isFull() {
    return count == heap.length;
  }

  /// Score of the worst hit held; there must be one.
  public float worstScore() {
    return score(heap[0]);
  }

  /// Whether the hit would be kept.
  public boolean wants(int ordinal, float score) {
    return !isFull() || key(ordinal, score) > heap[0];
  }

  /// Adds a wanted hit, in place of the worst when full.
  public void add(int ordinal, float score) {
    long key = key(ordinal, score);
    if (isFull()) {
      siftDown(key);
    } else {
      siftUp(key);
    }
  }

  /// Empties the heap, best hit first; `labelOf` names the label of an ordinal.
  public TopK drain(long seq, IntToLongFunction labelOf) {
    Arrays.sort(heap, 0, count);
    int[] ordinals = new int[count];
    long[] labels = new long[count];
    float[] scores = new float[count];
    for (int i = 0; i < ordinals.length; i++) {
      long key = heap[--count];
      ordinals[i] = Integer.MAX_VALUE - (int) key;
      labels[i] = labelOf.applyAsLong(ordinals[i]);
      scores[i] = score(key);
    }
    return new TopK(ordinals, labels, scores, seq);
  }

  private static long key(int ordinal, float score) {
    // Adding zero makes -0 a +0, which are one score but two bit patterns.
    int bits = Float.floatToRawIntBits(score + 0f);
    return (long) monotonic(bits) << 32 | (Integer.MAX_VALUE - ordinal);
  }

  private static float score(long key) {
    return Float.intBitsToFloat(monotonic((int) (key >> 32)));
  }

  /// Turns the order of floats into that of ints, and back: among negative floats bigger bits mean
  /// a smaller number.
  private static int monotonic(int bits) {
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  private void siftUp(long key) {
    int at = count++;
    while (at > 0) {
      int parent = (at - 1) >>> 1;
      if (heap[parent] <= key) {
        break;
      }
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = key;
  }

  private void siftDown(long key) {
    int at = 0;
    for (int child = 1; child < count; child = 2 * at + 1) {
      if (child + 1 < count && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= key) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = key;
  }
}
