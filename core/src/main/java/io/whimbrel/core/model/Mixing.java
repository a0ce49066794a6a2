package io.whimbrel.core.model;

/// Spreads numbers that lie close together.
public final class Mixing {
  private static final long GOLDEN = 0x9e3779b97f4a7c15L;

  private Mixing() {}

  /// A one-to-one map of the numbers of 64 bits whose results look drawn at random.
  ///
  /// Source: the finaliser of SplitMix64, Steele, Lea and Flood 2014, in the variant 13 of
  /// Stafford.
  public static long mix(long number) {
    long z = number + GOLDEN;
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return z ^ z >>> 31;
  }

  /// The same for one of many orders.
  public static long mix(long seed, long number) {
    return mix(mix(seed) ^ number);
  }
}
