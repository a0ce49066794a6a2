package io.whimbrel.client;

/** A vector field to be made, with the spec of its version 1. */
public record FieldSpec(String name, EmbeddingSpec spec) {
  public static final String DEFAULT_NAME = "default";
}
