package io.whimbrel.server.cli;

import io.whimbrel.client.TextAnalyzer;
import io.whimbrel.client.TextIndexSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/// The option that declares full-text indexes.
final class TextFieldOption {
  @Option(
      names = "--text-field",
      split = ",",
      paramLabel = "PATH[:ANALYZER]",
      converter = Converter.class,
      description =
          "Payload fields with text to search, for example body:english. Analyzers: standard (the"
              + " default), simple, whitespace, cjk, or a language as english, german, french.")
  private List<TextIndexSpec> texts = List.of();

  List<TextIndexSpec> texts() {
    return texts;
  }

  /// Reads `PATH[:ANALYZER]`.
  static final class Converter implements ITypeConverter<TextIndexSpec> {
    @Override
    public TextIndexSpec convert(String text) {
      int colon = text.lastIndexOf(':');
      return colon < 0
          ? new TextIndexSpec(text, TextAnalyzer.STANDARD)
          : new TextIndexSpec(text.substring(0, colon), analyzer(text.substring(colon + 1)));
    }
  }

  /// Reads the name of an analyzer.
  static TextAnalyzer analyzer(String name) {
    try {
      return TextAnalyzer.valueOf(name.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(
          '"'
              + name
              + "\" is no analyzer (expected: one of "
              + Arrays.stream(TextAnalyzer.values())
                  .map(analyzer -> analyzer.name().toLowerCase(Locale.ROOT))
                  .collect(Collectors.joining(", "))
              + ")");
    }
  }
}
