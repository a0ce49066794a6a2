package io.whimbrel.core.model;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// A collection to be made: at least one vector field, each starting at version 1.
///
/// @param indexes payload indexes; more can be added and dropped later
/// @param texts full-text indexes; more can be added and dropped later
/// @param ttl the payload path whose timestamp says when a point expires; it gets a timestamp index
///   unless one is among `indexes`
public record CollectionSpec(
    String name,
    List<FieldSpec> fields,
    List<PayloadIndexSpec> indexes,
    List<TextIndexSpec> texts,
    Optional<FieldPath> ttl) {
  public CollectionSpec {
    Names.check("name", name);
    Limits.checkRange("fields", fields.size(), 1, Limits.FIELDS_MAX);
    fields = List.copyOf(fields);
    Set<String> seen = new HashSet<>();
    for (FieldSpec field : fields) {
      if (!seen.add(field.name())) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "fields",
            '"' + field.name() + "\" twice",
            "each field once");
      }
    }
    indexes = ttl.isEmpty() ? List.copyOf(indexes) : withTtl(indexes, ttl.get());
    Limits.checkRange("indexes", indexes.size(), 0, Limits.PAYLOAD_INDEXES_MAX);
    Set<List<FieldPath.Step>> paths = new HashSet<>();
    for (PayloadIndexSpec index : indexes) {
      if (!paths.add(index.path().steps())) {
        throw WhimbrelException.of(
            ErrorCode.INDEX_EXISTS,
            "indexes",
            '"' + index.path().text() + "\" twice",
            "each path once");
      }
    }
    texts = List.copyOf(texts);
    Limits.checkRange("texts", texts.size(), 0, Limits.TEXT_INDEXES_MAX);
    Set<List<FieldPath.Step>> textPaths = new HashSet<>();
    for (TextIndexSpec text : texts) {
      if (!textPaths.add(text.path().steps())) {
        throw WhimbrelException.of(
            ErrorCode.INDEX_EXISTS,
            "texts",
            '"' + text.path().text() + "\" twice",
            "each path once");
      }
    }
  }

  /// A collection without full text.
  public CollectionSpec(String name, List<FieldSpec> fields, List<PayloadIndexSpec> indexes) {
    this(name, fields, indexes, List.of(), Optional.empty());
  }

  /// A collection whose points do not expire.
  public CollectionSpec(
      String name,
      List<FieldSpec> fields,
      List<PayloadIndexSpec> indexes,
      List<TextIndexSpec> texts) {
    this(name, fields, indexes, texts, Optional.empty());
  }

  private static List<PayloadIndexSpec> withTtl(List<PayloadIndexSpec> indexes, FieldPath ttl) {
    for (PayloadIndexSpec index : indexes) {
      if (index.path().steps().equals(ttl.steps())) {
        if (index.type() != ScalarType.TIMESTAMP) {
          throw WhimbrelException.of(
              ErrorCode.TYPE_MISMATCH,
              "ttl_path",
              '"' + ttl.text() + "\", with an index of type " + index.type(),
              "a path with a timestamp index, or with none");
        }
        return List.copyOf(indexes);
      }
    }
    List<PayloadIndexSpec> more = new ArrayList<>(indexes);
    more.add(new PayloadIndexSpec(ttl, ScalarType.TIMESTAMP));
    return List.copyOf(more);
  }

  /// A collection without payload indexes.
  public CollectionSpec(String name, List<FieldSpec> fields) {
    this(name, fields, List.of());
  }

  /// A collection with the one field "default".
  public static CollectionSpec of(String name, EmbeddingSpec spec) {
    return new CollectionSpec(name, List.of(new FieldSpec(FieldSpec.DEFAULT_NAME, spec)));
  }
}
