package io.whimbrel.client;

import java.util.List;

/**
 * A collection to be made.
 *
 * @param name {@code [a-z0-9][a-z0-9_-]{0,62}}
 * @param fields at least one vector field
 * @param indexes payload indexes; more can be added and dropped later
 */
public record CollectionSpec(String name, List<FieldSpec> fields, List<PayloadIndexSpec> indexes) {
  public CollectionSpec {
    fields = List.copyOf(fields);
    indexes = List.copyOf(indexes);
  }

  /** A collection without payload indexes. */
  public CollectionSpec(String name, List<FieldSpec> fields) {
    this(name, fields, List.of());
  }

  public CollectionSpec withIndexes(List<PayloadIndexSpec> indexes) {
    return new CollectionSpec(name, fields, indexes);
  }

  /** A collection with the one field "default". */
  public static CollectionSpec of(String name, EmbeddingSpec spec) {
    return new CollectionSpec(name, List.of(new FieldSpec(FieldSpec.DEFAULT_NAME, spec)));
  }
}
