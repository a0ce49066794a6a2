package io.whimbrel.server.flight;

import io.whimbrel.core.model.FieldSpec;

/// The words of the published schema (docs/ARROW.md).
final class Columns {
  static final String ID = "id";
  static final String ID_NUMBER = "id_number";
  static final String SEQ = "seq";
  static final String IF_SEQ = "if_seq";
  static final String PAYLOAD = "payload";
  static final String VECTOR = "vector";
  static final String VECTOR_PREFIX = "vector:";
  static final String PAYLOAD_PREFIX = "payload:";

  /// Metadata of a vector column: the space of all its vectors.
  static final String SPACE_ID = "whimbrel.space_id";

  /// Metadata of a vector column: with the value "absent" a null cell means that the point has no
  /// vector in this field.
  static final String NULLS = "whimbrel.nulls";

  static final String NULLS_ABSENT = "absent";

  private Columns() {}

  static String vector(String field) {
    return field.equals(FieldSpec.DEFAULT_NAME) ? VECTOR : VECTOR_PREFIX + field;
  }
}
