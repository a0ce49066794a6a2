package io.whimbrel.server.cli;

import io.whimbrel.client.PayloadIndexSpec;
import io.whimbrel.client.PayloadType;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/// The option that declares payload indexes.
final class IndexFieldOption {
  static final String HELP = "keyword, int64, double, bool or timestamp";

  @Option(
      names = "--index-field",
      split = ",",
      paramLabel = "PATH:TYPE",
      converter = Converter.class,
      description =
          "Payload fields to index, for example lang:keyword,year:int64. Types: " + HELP + '.')
  private List<PayloadIndexSpec> indexes = List.of();

  List<PayloadIndexSpec> indexes() {
    return indexes;
  }

  /// Reads `PATH:TYPE`.
  static final class Converter implements ITypeConverter<PayloadIndexSpec> {
    @Override
    public PayloadIndexSpec convert(String text) {
      int colon = text.lastIndexOf(':');
      if (colon > 0) {
        try {
          String type = text.substring(colon + 1).toUpperCase(Locale.ROOT);
          return new PayloadIndexSpec(text.substring(0, colon), PayloadType.valueOf(type));
        } catch (IllegalArgumentException e) {
          // Refused below.
        }
      }
      throw new TypeConversionException(
          '"' + text + "\" is not PATH:TYPE (expected: for example year:int64; " + HELP + ")");
    }
  }
}
