package io.whimbrel.client;

/**
 * An index over the values of one type that a path leads to. Values of other types are passed over;
 * conditions of other types on the path are refused with TYPE_MISMATCH.
 */
public record PayloadIndexSpec(String path, PayloadType type) {}
