package io.whimbrel.client;

/**
 * A full-text index over the strings that a path leads to, elements of lists included. Other values
 * are passed over.
 */
public record TextIndexSpec(String path, TextAnalyzer analyzer) {}
