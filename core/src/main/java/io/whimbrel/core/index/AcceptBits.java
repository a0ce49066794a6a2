package io.whimbrel.core.index;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;
import java.util.function.LongPredicate;
import java.util.function.Supplier;

/// The rows that may be hits of a search: all of them, a bitmap of ordinals, or a set of labels.
/// Immutable.
///
/// Ordinals can be reused: a bitmap describes the rows of one publish, and whoever keeps one longer
/// must follow the changes of its index. Labels need no translation while few rows are asked for; a
/// scan of the accepted rows alone does, by [#rows]. A set of labels answers no question about
/// ordinals.
public final class AcceptBits {
  /// No restriction.
  public static final AcceptBits ALL =
      new AcceptBits(new long[0], Integer.MAX_VALUE, true, Optional.empty());

  private final long[] words;
  private final int count;
  private final boolean all;
  private final Optional<Labels> labels;

  private record Labels(LongPredicate contains, Supplier<AcceptBits> rows) {}

  private AcceptBits(long[] words, int count, boolean all, Optional<Labels> labels) {
    this.words = words;
    this.count = count;
    this.all = all;
    this.labels = labels;
  }

  /// The rows with a label that `contains` accepts.
  ///
  /// @param count live rows that have such a label in the publish that is searched
  /// @param rows names them by ordinal; asked only when they are scanned alone
  public static AcceptBits ofLabels(LongPredicate contains, int count, Supplier<AcceptBits> rows) {
    return new AcceptBits(new long[0], count, false, Optional.of(new Labels(contains, rows)));
  }

  /// Whether rows are told by label.
  public boolean byLabel() {
    return labels.isPresent();
  }

  /// Of a set of labels.
  public boolean containsLabel(long label) {
    return labels.orElseThrow().contains().test(label);
  }

  /// The same rows by ordinal. Cost, for labels: a look-up each.
  public AcceptBits rows() {
    return labels.isPresent() ? labels.get().rows().get() : this;
  }

  /// The ordinals set in `bits`, which is copied.
  public static AcceptBits of(BitSet bits) {
    return of(bits.toLongArray());
  }

  /// Ordinal `i` is bit `i % 64` of word `i / 64`; takes the array over.
  public static AcceptBits of(long[] words) {
    int count = Math.toIntExact(Arrays.stream(words).map(Long::bitCount).sum());
    return new AcceptBits(words, count, false, Optional.empty());
  }

  /// Whether every ordinal is accepted, those that do not exist yet too.
  public boolean isAll() {
    return all;
  }

  public boolean contains(int ordinal) {
    int word = ordinal >> 6;
    return all || (word < words.length && (words[word] >>> ordinal & 1) != 0);
  }

  /// Accepted ordinals; `Integer.MAX_VALUE` when all are.
  public int count() {
    return count;
  }

  /// The accepted ordinals from `64 * word` on as bits, for callers that take 64 at once.
  public long word(int word) {
    return all ? -1L : word < words.length ? words[word] : 0;
  }

  /// The first accepted ordinal that is not below `from`; `Integer.MAX_VALUE` when there is none.
  public int next(int from) {
    if (all) {
      return from;
    }
    int word = from >> 6;
    if (word >= words.length) {
      return Integer.MAX_VALUE;
    }
    long rest = words[word] & -1L << from;
    while (rest == 0) {
      if (++word == words.length) {
        return Integer.MAX_VALUE;
      }
      rest = words[word];
    }
    return (word << 6) + Long.numberOfTrailingZeros(rest);
  }

  /// The first ordinal above `from`, and at most `end`, that is not accepted; `end` when all before
  /// it are.
  public int endOfRun(int from, int end) {
    int at = from + 1;
    while (at < end && contains(at)) {
      long refused = ~word(at >> 6) & -1L << at;
      at = refused == 0 ? (at | 63) + 1 : (at & ~63) + Long.numberOfTrailingZeros(refused);
    }
    return Math.min(at, end);
  }
}
