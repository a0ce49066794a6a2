package io.whimbrel.client;

/** The type of the values that a payload index holds. */
public enum PayloadType {
  /** Strings, whole and case-sensitive; answers match, range, prefix and contains. */
  KEYWORD,
  INT64,
  DOUBLE,
  BOOL,
  TIMESTAMP
}
