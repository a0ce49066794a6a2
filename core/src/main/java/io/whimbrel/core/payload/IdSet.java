package io.whimbrel.core.payload;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.LongPredicate;
import org.roaringbitmap.ArrayContainer;
import org.roaringbitmap.BitmapContainer;
import org.roaringbitmap.CharIterator;
import org.roaringbitmap.Container;

/// A set of internal ids that never changes.
///
/// Ids with equal upper 48 bits share a container of RoaringBitmap, and a changed copy shares the
/// containers that it leaves alone: to change one id costs at most 8 KiB, and 16 bytes for each
/// 65,536 ids. A set of one id, as a unique value has, holds no container.
public final class IdSet {
  private static final long[] NO_HIGHS = {};
  private static final Container[] NO_CHUNKS = {};
  private static final int CHUNK_IDS = 1 << 16;
  private static final int CHUNK_WORDS = CHUNK_IDS / Long.SIZE;

  /// From so many sets on, a union goes through plain bitmaps.
  private static final int UNION_BY_PAIRS_MAX = 4;

  public static final IdSet EMPTY = new IdSet(0, NO_HIGHS, NO_CHUNKS, 0);

  /// The id of a set of one; else 0.
  private final long single;

  /// `id >>> 16` of each chunk, ascending; no chunk is empty or changes.
  private final long[] highs;

  private final Container[] chunks;
  private final long count;

  private IdSet(long single, long[] highs, Container[] chunks, long count) {
    this.single = single;
    this.highs = highs;
    this.chunks = chunks;
    this.count = count;
  }

  public static IdSet of(long id) {
    return new IdSet(id, NO_HIGHS, NO_CHUNKS, 1);
  }

  /// The ids of `sorted`, which ascend and may repeat.
  public static IdSet ofSorted(long[] sorted) {
    return EMPTY.changed(NO_HIGHS, sorted);
  }

  private static IdSet of(long[] highs, Container[] chunks, int size) {
    long count = 0;
    for (int i = 0; i < size; i++) {
      count += chunks[i].getCardinality();
    }
    if (count == 0) {
      return EMPTY;
    }
    if (count == 1) {
      return of(highs[0] << 16 | chunks[0].first());
    }
    return new IdSet(0, Arrays.copyOf(highs, size), Arrays.copyOf(chunks, size), count);
  }

  public long count() {
    return count;
  }

  public boolean isEmpty() {
    return count == 0;
  }

  public boolean contains(long id) {
    if (count == 1) {
      return id == single;
    }
    int at = Arrays.binarySearch(highs, id >>> 16);
    return at >= 0 && chunks[at].contains((char) id);
  }

  /// The same as [#contains], faster for many calls: chunks are looked up by number where they lie
  /// close enough together.
  public LongPredicate lookup() {
    if (highs.length == 0 || highs[highs.length - 1] - highs[0] > 4L * highs.length + 64) {
      return this::contains;
    }
    long first = highs[0];
    Container[] byHigh = new Container[(int) (highs[highs.length - 1] - first) + 1];
    for (int i = 0; i < highs.length; i++) {
      byHigh[(int) (highs[i] - first)] = chunks[i];
    }
    return id -> {
      long at = (id >>> 16) - first;
      if (at < 0 || at >= byHigh.length) {
        return false;
      }
      Container chunk = byHigh[(int) at];
      return chunk != null && chunk.contains((char) id);
    };
  }

  /// In ascending order.
  public void forEach(LongConsumer each) {
    if (count == 1) {
      each.accept(single);
      return;
    }
    for (int i = 0; i < highs.length; i++) {
      long high = highs[i] << 16;
      for (CharIterator lows = chunks[i].getCharIterator(); lows.hasNext(); ) {
        each.accept(high | lows.next());
      }
    }
  }

  /// Ascending. The set must fit in an array.
  public long[] toArray() {
    long[] ids = new long[Math.toIntExact(count)];
    int[] at = new int[1];
    forEach(id -> ids[at[0]++] = id);
    return ids;
  }

  /// The id of this rank, from 0; it must be there.
  public long select(long rank) {
    if (count == 1 && rank == 0) {
      return single;
    }
    long rest = rank;
    for (int i = 0; i < highs.length; i++) {
      int size = chunks[i].getCardinality();
      if (rest < size) {
        return highs[i] << 16 | chunks[i].select((int) rest);
      }
      rest -= size;
    }
    throw new IndexOutOfBoundsException("rank: " + rank + " (expected: below " + count + ")");
  }

  /// This set without `removes` and then with `adds`. Both ascend and may repeat.
  IdSet changed(long[] removes, long[] adds) {
    if (removes.length == 0 && adds.length == 1 && count == 0) {
      return of(adds[0]);
    }
    int room = size() + removes.length + adds.length;
    long[] newHighs = new long[room];
    Container[] newChunks = new Container[room];
    int size = 0;
    int own = 0;
    int remove = 0;
    int add = 0;
    while (own < size() || add < adds.length) {
      long high = Long.MAX_VALUE;
      high = own < size() ? Math.min(high, high(own)) : high;
      high = add < adds.length ? Math.min(high, adds[add] >>> 16) : high;
      Container chunk;
      boolean copied = false;
      if (own < size() && high(own) == high) {
        chunk = chunk(own++);
      } else {
        chunk = new ArrayContainer();
        copied = true;
      }
      while (remove < removes.length && removes[remove] >>> 16 <= high) {
        if (removes[remove] >>> 16 == high) {
          chunk = copied ? chunk : chunk.clone();
          copied = true;
          chunk = chunk.remove((char) removes[remove]);
        }
        remove++;
      }
      while (add < adds.length && adds[add] >>> 16 == high) {
        chunk = copied ? chunk : chunk.clone();
        copied = true;
        chunk = chunk.add((char) adds[add++]);
      }
      if (!chunk.isEmpty()) {
        newHighs[size] = high;
        newChunks[size++] = chunk;
      }
    }
    return of(newHighs, newChunks, size);
  }

  public IdSet and(IdSet other) {
    if (isEmpty() || other.isEmpty()) {
      return EMPTY;
    }
    if (count == 1) {
      return other.contains(single) ? this : EMPTY;
    }
    if (other.count == 1) {
      return contains(other.single) ? other : EMPTY;
    }
    int room = Math.min(highs.length, other.highs.length);
    long[] newHighs = new long[room];
    Container[] newChunks = new Container[room];
    int size = 0;
    int a = 0;
    int b = 0;
    while (a < highs.length && b < other.highs.length) {
      if (highs[a] < other.highs[b]) {
        a++;
      } else if (highs[a] > other.highs[b]) {
        b++;
      } else {
        Container chunk = chunks[a] == other.chunks[b] ? chunks[a] : chunks[a].and(other.chunks[b]);
        if (!chunk.isEmpty()) {
          newHighs[size] = highs[a];
          newChunks[size++] = chunk;
        }
        a++;
        b++;
      }
    }
    return of(newHighs, newChunks, size);
  }

  /// Ids that both have.
  public long andCount(IdSet other) {
    if (isEmpty() || other.isEmpty()) {
      return 0;
    }
    if (count == 1) {
      return other.contains(single) ? 1 : 0;
    }
    if (other.count == 1) {
      return contains(other.single) ? 1 : 0;
    }
    long both = 0;
    int a = 0;
    int b = 0;
    while (a < highs.length && b < other.highs.length) {
      if (highs[a] < other.highs[b]) {
        a++;
      } else if (highs[a] > other.highs[b]) {
        b++;
      } else {
        both += chunks[a++].andCardinality(other.chunks[b++]);
      }
    }
    return both;
  }

  /// The ids of this set that `other` has not.
  public IdSet without(IdSet other) {
    if (isEmpty() || other.isEmpty()) {
      return this;
    }
    if (count == 1) {
      return other.contains(single) ? EMPTY : this;
    }
    long[] newHighs = new long[highs.length];
    Container[] newChunks = new Container[highs.length];
    int size = 0;
    int b = 0;
    for (int a = 0; a < highs.length; a++) {
      while (b < other.size() && other.high(b) < highs[a]) {
        b++;
      }
      Container chunk = chunks[a];
      if (b < other.size() && other.high(b) == highs[a]) {
        chunk = chunk.andNot(other.chunk(b));
      }
      if (!chunk.isEmpty()) {
        newHighs[size] = highs[a];
        newChunks[size++] = chunk;
      }
    }
    return of(newHighs, newChunks, size);
  }

  public IdSet or(IdSet other) {
    if (isEmpty() || other == this) {
      return other;
    }
    if (other.isEmpty()) {
      return this;
    }
    int room = size() + other.size();
    long[] newHighs = new long[room];
    Container[] newChunks = new Container[room];
    int size = 0;
    int a = 0;
    int b = 0;
    while (a < size() || b < other.size()) {
      long high = Long.MAX_VALUE;
      high = a < size() ? Math.min(high, high(a)) : high;
      high = b < other.size() ? Math.min(high, other.high(b)) : high;
      boolean inA = a < size() && high(a) == high;
      boolean inB = b < other.size() && other.high(b) == high;
      newHighs[size] = high;
      newChunks[size++] =
          inA && inB ? chunk(a++).or(other.chunk(b++)) : inA ? chunk(a++) : other.chunk(b++);
    }
    return of(newHighs, newChunks, size);
  }

  /// The ids that are in any of `sets`. Cost: about 5 ns for each set of one, a few microseconds
  /// for each chunk of the others.
  public static IdSet union(Collection<IdSet> sets) {
    if (sets.size() <= UNION_BY_PAIRS_MAX) {
      IdSet union = EMPTY;
      for (IdSet set : sets) {
        union = union.or(set);
      }
      return union;
    }
    Union union = new Union();
    sets.forEach(union::add);
    return union.build();
  }

  /// The ids that are in at least `wanted` of `sets`.
  public static IdSet atLeast(int wanted, List<IdSet> sets) {
    // reached[i]: the ids met more than i times so far.
    IdSet[] reached = new IdSet[wanted];
    Arrays.fill(reached, EMPTY);
    for (IdSet set : sets) {
      for (int i = wanted - 1; i > 0; i--) {
        reached[i] = reached[i].or(reached[i - 1].and(set));
      }
      reached[0] = reached[0].or(set);
    }
    return reached[wanted - 1];
  }

  private int size() {
    return count == 1 ? 1 : highs.length;
  }

  private long high(int at) {
    return count == 1 ? single >>> 16 : highs[at];
  }

  private Container chunk(int at) {
    return count == 1 ? new ArrayContainer(new char[] {(char) single}) : chunks[at];
  }

  /// Memory beside the chunks shared with others, in bytes.
  long bytes() {
    long bytes = 64 + 16L * highs.length;
    for (Container chunk : chunks) {
      bytes += 32 + chunk.getSizeInBytes();
    }
    return bytes;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof IdSet set && count == set.count && without(set).isEmpty();
  }

  @Override
  public int hashCode() {
    long[] hash = {count};
    forEach(id -> hash[0] = 31 * hash[0] + id);
    return Long.hashCode(hash[0]);
  }

  @Override
  public String toString() {
    return "IdSet[" + count + "]";
  }

  /// A union in the making: one bitmap of 8 KiB for each chunk.
  private static final class Union {
    private long[] highs = new long[16];
    private long[][] words = new long[16][];
    private int size;
    private int last;

    void add(IdSet set) {
      if (set.count == 1) {
        long[] bitmap = bitmap(set.single >>> 16);
        int low = (char) set.single;
        bitmap[low >> 6] |= 1L << low;
        return;
      }
      for (int i = 0; i < set.highs.length; i++) {
        long[] bitmap = bitmap(set.highs[i]);
        if (set.chunks[i] instanceof BitmapContainer) {
          long[] more = new long[CHUNK_WORDS];
          set.chunks[i].copyBitmapTo(more, 0);
          for (int word = 0; word < CHUNK_WORDS; word++) {
            bitmap[word] |= more[word];
          }
        } else {
          for (CharIterator lows = set.chunks[i].getCharIterator(); lows.hasNext(); ) {
            int low = lows.next();
            bitmap[low >> 6] |= 1L << low;
          }
        }
      }
    }

    private long[] bitmap(long high) {
      if (size > 0 && highs[last] == high) {
        return words[last];
      }
      int at = Arrays.binarySearch(highs, 0, size, high);
      if (at < 0) {
        at = -at - 1;
        if (size == highs.length) {
          highs = Arrays.copyOf(highs, 2 * size);
          words = Arrays.copyOf(words, 2 * size);
        }
        System.arraycopy(highs, at, highs, at + 1, size - at);
        System.arraycopy(words, at, words, at + 1, size - at);
        highs[at] = high;
        words[at] = new long[CHUNK_WORDS];
        size++;
      }
      last = at;
      return words[at];
    }

    IdSet build() {
      Container[] chunks = new Container[size];
      for (int i = 0; i < size; i++) {
        // Counts it, and turns a sparse one into a sorted array.
        chunks[i] = new BitmapContainer(words[i], -1).repairAfterLazy();
      }
      return of(highs, chunks, size);
    }
  }
}
