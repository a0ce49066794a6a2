package io.whimbrel.server.cli;

import picocli.CommandLine.Option;

/// The collection or alias that a command works on.
final class CollectionOption {
  @Option(
      names = {"-c", "--collection"},
      required = true,
      paramLabel = "NAME",
      description = "Collection.")
  private String name = "";

  String name() {
    return name;
  }
}
