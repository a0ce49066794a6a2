package io.whimbrel.core.model;

/// How a text becomes terms, in a document and in a query alike. Stored by ordinal: new ones come
/// last.
public enum TextAnalyzer {
  /// Words by the rules of Unicode, in lower case; nothing else is left out or changed.
  STANDARD,
  /// Runs of letters, in lower case.
  SIMPLE,
  /// What stands between white space, as it is.
  WHITESPACE,
  /// These and the languages below: words as STANDARD, without stop words, reduced to their stems.
  ENGLISH,
  GERMAN,
  FRENCH,
  SPANISH,
  ITALIAN,
  PORTUGUESE,
  DUTCH,
  SWEDISH,
  NORWEGIAN,
  DANISH,
  FINNISH,
  RUSSIAN,
  ARABIC,
  HINDI,
  /// Chinese, Japanese and Korean: pairs of neighbouring characters.
  CJK
}
