package io.whimbrel.core.model;

/// A declared full-text index over the strings that a path leads to, elements of lists included.
/// Other values are passed over.
public record TextIndexSpec(FieldPath path, TextAnalyzer analyzer) {
  /// `path` as text.
  public static TextIndexSpec of(String path, TextAnalyzer analyzer) {
    return new TextIndexSpec(FieldPath.of(path), analyzer);
  }
}
