package io.whimbrel.server.cli;

import io.whimbrel.client.Filter;
import io.whimbrel.client.Filters;
import java.util.Optional;
import picocli.CommandLine.Option;

/// The option that says which points a command is about.
final class FilterOption {
  @Option(
      names = "--filter",
      defaultValue = "",
      paramLabel = "TEXT",
      description =
          "Only points that meet it, for example: lang = 'en' and year >= 1999. The grammar is in"
              + " docs/FILTERS.md.")
  private String text = "";

  /// Empty when the user gave none.
  Optional<Filter> filter() {
    return text.isEmpty() ? Optional.empty() : Optional.of(Filters.parse(text));
  }
}
