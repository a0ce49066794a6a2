package io.whimbrel.client;

/** How a text becomes terms, in a point and in a query alike. */
public enum TextAnalyzer {
  /** Words by the rules of Unicode, in lower case. The default. */
  STANDARD,
  /** Runs of letters, in lower case. */
  SIMPLE,
  /** What stands between white space, as it is. */
  WHITESPACE,
  /** This and the languages below: words without stop words, reduced to their stems. */
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
  /** Chinese, Japanese and Korean: pairs of neighbouring characters. */
  CJK
}
