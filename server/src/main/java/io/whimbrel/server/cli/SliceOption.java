package io.whimbrel.server.cli;

import io.whimbrel.client.Slice;
import picocli.CommandLine.Option;

/// The option that says which part of a collection a command is about.
final class SliceOption {
  @Option(
      names = "--slice",
      defaultValue = "",
      paramLabel = "I/N",
      description =
          "Only part I (from 0) of N parts that share no point and together are all: for commands"
              + " side by side.")
  private String text = "";

  Slice slice() {
    if (text.isEmpty()) {
      return Slice.ALL;
    }
    String[] parts = text.split("/", -1);
    if (parts.length == 2) {
      try {
        return new Slice(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(expected(), e);
      }
    }
    throw new IllegalArgumentException(expected());
  }

  private String expected() {
    return "--slice: \"" + text + "\" (expected: for example 0/4)";
  }
}
