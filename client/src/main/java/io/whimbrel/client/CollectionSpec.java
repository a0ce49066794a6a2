package io.whimbrel.client;

import java.util.List;

/**
 * A collection to be made.
 *
 * @param name {@code [a-z0-9][a-z0-9_-]{0,62}}
 * @param fields at least one vector field
 * @param indexes payload indexes; more can be added and dropped later
 * @param texts full-text indexes; more can be added and dropped later
 * @param ttlPath points expire at the least timestamp that this payload path leads to; never when
 *     empty
 */
public record CollectionSpec(
    String name,
    List<FieldSpec> fields,
    List<PayloadIndexSpec> indexes,
    List<TextIndexSpec> texts,
    String ttlPath) {
  public CollectionSpec {
    fields = List.copyOf(fields);
    indexes = List.copyOf(indexes);
    texts = List.copyOf(texts);
  }

  /** A collection without full text, whose points do not expire. */
  public CollectionSpec(String name, List<FieldSpec> fields, List<PayloadIndexSpec> indexes) {
    this(name, fields, indexes, List.of(), "");
  }

  /** A collection without payload indexes. */
  public CollectionSpec(String name, List<FieldSpec> fields) {
    this(name, fields, List.of());
  }

  public CollectionSpec withIndexes(List<PayloadIndexSpec> indexes) {
    return new CollectionSpec(name, fields, indexes, texts, ttlPath);
  }

  public CollectionSpec withTexts(List<TextIndexSpec> texts) {
    return new CollectionSpec(name, fields, indexes, texts, ttlPath);
  }

  public CollectionSpec withTtl(String ttlPath) {
    return new CollectionSpec(name, fields, indexes, texts, ttlPath);
  }

  /** A collection with the one field "default". */
  public static CollectionSpec of(String name, EmbeddingSpec spec) {
    return new CollectionSpec(name, List.of(new FieldSpec(FieldSpec.DEFAULT_NAME, spec)));
  }
}
