package io.whimbrel.client;

/**
 * One of {@code count} parts of a collection that share no point and together are all of it: for
 * scans side by side. A point stays in its part for as long as it is there.
 *
 * @param index from 0
 * @param count up to 1,024
 */
public record Slice(int index, int count) {
  /** Everything. */
  public static final Slice ALL = new Slice(0, 1);

  public Slice {
    Checks.atLeast("slice.count", count, 1);
    Checks.atLeast("slice.index", index, 0);
    if (index >= count) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT, "slice.index", index, "below " + count);
    }
  }
}
