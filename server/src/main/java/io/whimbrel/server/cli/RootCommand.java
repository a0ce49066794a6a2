package io.whimbrel.server.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/// `whimbrel` itself: the options that every command takes.
@Command(
    name = "whimbrel",
    synopsisSubcommandLabel = "COMMAND",
    description = "A vector database that outlives its embedding models.",
    mixinStandardHelpOptions = false,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel demo                                    see it work, in seconds",
      "  whimbrel serve                                   a server on 127.0.0.1:7700",
      "  whimbrel import docs.jsonl -c docs --create --metric cosine",
      "  whimbrel search -c docs --vector '[0.1, 0.7, 0.2]' -k 5",
      "  whimbrel count -c docs --json",
      "",
      "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no answer from the server.",
      "`whimbrel COMMAND --help` explains a command."
    })
final class RootCommand implements Callable<Integer> {
  private final Session session;

  @Spec private CommandSpec spec = CommandSpec.create();

  RootCommand(Session session) {
    this.session = session;
  }

  @Option(
      names = "--address",
      scope = ScopeType.INHERIT,
      paramLabel = "HOST:PORT",
      defaultValue = "${env:WHIMBREL_ADDRESS:-127.0.0.1:7700}",
      converter = AddressConverter.class,
      description = "Server to talk to; environment: WHIMBREL_ADDRESS. Default: ${DEFAULT-VALUE}")
  void address(Session.Address address) {
    session.address(address);
  }

  @Option(
      names = "--deadline",
      scope = ScopeType.INHERIT,
      paramLabel = "TIME",
      defaultValue = "60s",
      converter = DurationConverter.class,
      description = "Longest wait for one answer: 500ms, 30s or 2m. Default: ${DEFAULT-VALUE}")
  void deadline(Duration deadline) {
    session.deadline(deadline);
  }

  @Option(
      names = "--tls",
      scope = ScopeType.INHERIT,
      description = "Encrypt; trust the platform's certificate authorities.")
  void tls(boolean tls) {
    session.tls(tls);
  }

  @Option(
      names = "--tls-trust",
      scope = ScopeType.INHERIT,
      paramLabel = "PEM",
      description = "Encrypt; trust the certificates in this file.")
  void trust(Path trust) {
    session.trust(trust);
  }

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Print one JSON document on standard output, numbers exact.")
  void json(boolean json) {
    session.json(json);
  }

  // Never read: picocli prints the help instead of running the command.
  @SuppressWarnings("UnusedVariable")
  @Option(
      names = {"-h", "--help"},
      scope = ScopeType.INHERIT,
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "a command is missing; try: whimbrel --help");
  }

  /// Says what is wrong with an address in one sentence.
  static final class AddressConverter implements ITypeConverter<Session.Address> {
    @Override
    public Session.Address convert(String text) {
      try {
        return Session.Address.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /// Reads a whole number with a unit.
  static final class DurationConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      String lower = text.toLowerCase(Locale.ROOT);
      String digits = lower.replaceAll("[a-z]+$", "");
      try {
        long amount = Long.parseLong(digits);
        if (amount > 0 && amount <= 1_000_000_000L) {
          switch (lower.substring(digits.length())) {
            case "ms" -> {
              return Duration.ofMillis(amount);
            }
            case "s" -> {
              return Duration.ofSeconds(amount);
            }
            case "m" -> {
              return Duration.ofMinutes(amount);
            }
            default -> {
              // Refused below.
            }
          }
        }
      } catch (NumberFormatException e) {
        // Refused below.
      }
      throw new TypeConversionException(
          '"' + text + "\" is not a time (expected: for example 500ms, 30s or 2m)");
    }
  }
}
