package io.whimbrel.core.model;

/// A point's vector, embedded anew by the caller, to be compared with the stored one.
public record EmbeddedAgain(PointId id, Vector vector) {}
