package io.whimbrel.core.model;

/// A name that stands for a collection in every request.
///
/// @param collection the collection's own name
public record Alias(String name, String collection) {}
