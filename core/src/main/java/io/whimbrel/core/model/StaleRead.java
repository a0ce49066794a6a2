package io.whimbrel.core.model;

/// What becomes of a point's vector in one version when newer content came for the other version
/// only.
public enum StaleRead {
  /// It is removed: searches of that version leave the point out until it has its vector.
  EXCLUDE,
  /// It stays: searches find the point by its older content.
  SERVE
}
