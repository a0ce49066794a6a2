package io.whimbrel.client;

/**
 * A name that stands for a collection in every request but its deletion.
 *
 * @param collection the collection's own name
 */
public record Alias(String name, String collection) {}
