package io.whimbrel.core.model;

/// What happens to a write that has a vector for the old version only.
public enum LegacyWrite {
  /// It is stored; the point waits in the backlog for its new vector.
  ENQUEUE,
  /// It is refused.
  REJECT,
  /// The server asks an embedding provider. Not done yet.
  EMBED,
  /// The server maps the old vector into the new space for the time being. Not done yet.
  BRIDGE
}
