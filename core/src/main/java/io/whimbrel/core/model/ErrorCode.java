package io.whimbrel.core.model;

/// Why a request was refused or failed: the one error family, from the core to the client.
public enum ErrorCode {
  /// A value is malformed or missing.
  INVALID_ARGUMENT,
  /// A collection or field name breaks the naming rule.
  INVALID_NAME,
  /// A point id is empty or too long.
  INVALID_ID,
  /// One batch names a point twice.
  DUPLICATE_ID,
  /// A vector has another dimension than its version.
  DIMENSION_MISMATCH,
  /// A vector holds NaN or an infinite number.
  NOT_FINITE,
  /// A zero vector under COSINE has no direction.
  ZERO_VECTOR,
  /// A vector belongs to another embedding space than the version that takes it.
  SPACE_MISMATCH,
  /// A size or count is above its limit.
  LIMIT_EXCEEDED,
  /// A vector field that the collection does not have.
  UNKNOWN_FIELD,
  /// The collection has a vector field of this name already.
  FIELD_EXISTS,
  /// A version that the field does not have.
  UNKNOWN_VERSION,
  /// A condition compares with another type of value than its field is declared with.
  TYPE_MISMATCH,
  /// A condition would read too many payloads; a declared index answers it from memory.
  INDEX_NEEDED,
  /// The index has not everything yet; the status of the collection says how far it is.
  INDEX_NOT_READY,
  /// No payload index is declared for the path.
  UNKNOWN_INDEX,
  /// A payload index is declared for the path already.
  INDEX_EXISTS,
  /// The vector is of a version that is no longer there.
  OLD_SPACE,
  /// Versions of one dimension are in use: a vector without `space_id` could be of either.
  SPACE_REQUIRED,
  /// The routing key belongs to another version than the query vector; the error carries the
  /// policy.
  ROUTING_STALE,
  /// The version has too few of the points, or is not ready and no `min_coverage` was given.
  COVERAGE_TOO_LOW,
  /// A write with a vector of the new version alone, before the switch.
  NEW_ONLY_WRITE,
  /// A write with a vector of the old version alone, where the migration refuses those.
  OLD_ONLY_WRITE,
  /// The page chain read a version that is gone; start again.
  CURSOR_EXPIRED,
  MIGRATION_NOT_FOUND,
  /// The field has a migration already.
  MIGRATION_EXISTS,
  /// The migration's state does not allow it.
  MIGRATION_STATE,
  /// `expected_epoch` is not the epoch in force.
  EPOCH_MISMATCH,
  /// Something would be lost; the message says what, and how to do it nevertheless.
  UNSAFE,
  COLLECTION_NOT_FOUND,
  GOLDEN_SET_NOT_FOUND,
  COLLECTION_EXISTS,
  /// No alias has this name.
  ALIAS_NOT_FOUND,
  /// An alias has this name already.
  ALIAS_EXISTS,
  POINT_NOT_FOUND,
  /// `if_seq` is not the stored sequence number.
  SEQ_MISMATCH,
  /// A `request_id` was used before for another request.
  REQUEST_ID_REUSED,
  /// A cursor that this collection did not give out.
  INVALID_CURSOR,
  /// The server does not do this yet.
  UNIMPLEMENTED,
  /// A queue is full; try again later.
  OVERLOADED,
  DEADLINE_EXCEEDED,
  CANCELLED,
  /// The store takes no writes after a storage failure; reads go on.
  READ_ONLY,
  /// The write may or may not have happened; repeat it with the same `request_id`.
  OUTCOME_UNKNOWN,
  /// What is on disk is damaged or incomplete.
  DATA_LOSS,
  /// The database is closing or closed.
  UNAVAILABLE,
  /// A defect of the database.
  INTERNAL
}
