package io.whimbrel.core.model;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// A collection to be made: at least one vector field, each starting at version 1.
public record CollectionSpec(String name, List<FieldSpec> fields) {
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
  }

  /// A collection with the one field "default".
  public static CollectionSpec of(String name, EmbeddingSpec spec) {
    return new CollectionSpec(name, List.of(new FieldSpec(FieldSpec.DEFAULT_NAME, spec)));
  }
}
