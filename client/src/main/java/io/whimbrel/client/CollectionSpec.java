package io.whimbrel.client;

import java.util.List;

/**
 * A collection to be made.
 *
 * @param name {@code [a-z0-9][a-z0-9_-]{0,62}}
 * @param fields at least one vector field
 */
public record CollectionSpec(String name, List<FieldSpec> fields) {
  public CollectionSpec {
    fields = List.copyOf(fields);
  }

  /** A collection with the one field "default". */
  public static CollectionSpec of(String name, EmbeddingSpec spec) {
    return new CollectionSpec(name, List.of(new FieldSpec(FieldSpec.DEFAULT_NAME, spec)));
  }
}
