package io.whimbrel.server.cli;

import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.Selector;
import java.util.List;
import picocli.CommandLine.Option;

/// The options that say what a read carries.
final class ReadSelection {
  @Option(
      names = "--with-vectors",
      arity = "0..1",
      split = ",",
      fallbackValue = "*",
      paramLabel = "FIELD",
      description = "Also print vectors: of these fields, or of all when none is named.")
  private List<String> vectors = List.of();

  @Option(
      names = "--payload",
      split = ",",
      paramLabel = "KEY",
      description = "Only these top-level payload fields. Default: all.")
  private List<String> payload = List.of();

  @Option(names = "--no-payload", description = "No payload.")
  private boolean noPayload;

  ReadOptions options() {
    Selector payloadSelector =
        noPayload
            ? Selector.NONE
            : payload.isEmpty() ? Selector.ALL : new Selector.Include(payload);
    Selector vectorSelector =
        vectors.isEmpty()
            ? Selector.NONE
            : vectors.contains("*") ? Selector.ALL : new Selector.Include(vectors);
    return ReadOptions.DEFAULT.withPayload(payloadSelector).withVectors(vectorSelector);
  }
}
