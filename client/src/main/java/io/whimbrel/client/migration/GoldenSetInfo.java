package io.whimbrel.client.migration;

/** A stored golden set. */
public record GoldenSetInfo(
    String collection, String field, String name, long queries, long judgments) {}
