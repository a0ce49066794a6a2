package io.whimbrel.client.migration;

/** What happens to a write that has a vector for the old version only. */
public enum LegacyWrite {
  /** It is stored; the point waits in the backlog for its new vector. */
  ENQUEUE,
  /** It is refused. */
  REJECT
}
