package io.whimbrel.client.migration;

/** What a search does with a point whose vector was made from older content. */
public enum StaleRead {
  /** Leaves it out. */
  EXCLUDE,
  /** Finds it by the older vector. */
  SERVE
}
