package io.whimbrel.server.cli;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.server.ServerConfig;
import io.whimbrel.server.ServerOption;
import io.whimbrel.server.WhimbrelServer;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Spec;

/// `serve`. Its flags are the settings of the server, one for each [ServerOption].
@Command(
    name = "serve",
    description = {
      "Start a server and run until it is told to stop (Ctrl-C or SIGTERM).",
      "",
      "Prints its effective settings in the log on standard error, then the line `ready on"
          + " HOST:PORT` on standard output. Each setting is also an environment variable:"
          + " --search-threads is WHIMBREL_SEARCH_THREADS."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel serve",
      "  whimbrel serve --data /var/lib/whimbrel --port 7701",
      "  whimbrel serve --host 0.0.0.0 --tls-certificate server.pem --tls-key server.key"
    })
final class ServeCommand implements Callable<Integer> {
  /// Begins the line that says where the server listens.
  static final String READY = "ready on ";

  private final Session session;

  @Spec private CommandSpec spec = CommandSpec.create();

  private ServeCommand(Session session) {
    this.session = session;
  }

  static CommandLine commandLine(Session session) {
    CommandLine line = new CommandLine(new ServeCommand(session));
    for (ServerOption option : ServerOption.values()) {
      String byDefault = option.defaultText().isEmpty() ? "" : ", default " + option.defaultText();
      OptionSpec.Builder flag =
          OptionSpec.builder("--" + option.key())
              .type(String.class)
              .paramLabel("VALUE")
              .description(option.description() + " (" + option.range() + byDefault + ")");
      if (option.isSwitch()) {
        flag.arity("0..1").fallbackValue("true");
      }
      line.getCommandSpec().addOption(flag.build());
    }
    return line;
  }

  @Override
  public Integer call() throws IOException {
    Map<String, String> flags = new LinkedHashMap<>();
    for (ServerOption option : ServerOption.values()) {
      String value =
          spec.commandLine().getParseResult().matchedOptionValue("--" + option.key(), "");
      if (!value.isEmpty()) {
        flags.put(option.key(), value);
      }
    }
    try {
      ServerConfig config = ServerConfig.load(flags, System.getenv());
      WhimbrelServer server = WhimbrelServer.start(config);
      Runtime.getRuntime().addShutdownHook(new Thread(server::stop, "stop"));
      announce(new Session.Address(config.host(), server.port()));
      server.awaitTermination();
      return Main.DONE;
    } catch (io.whimbrel.core.model.WhimbrelException e) {
      // The client's errors are a superset of the core's, with the same names.
      throw new WhimbrelException(
          ErrorCode.valueOf(e.code().name()), e.field(), String.valueOf(e.getMessage()), null, e);
    }
  }

  private void announce(Session.Address address) throws IOException {
    if (session.json()) {
      session.printJson(json -> json.writeStringField("ready", address.toString()));
    } else {
      session.out().println(READY + address);
    }
    session.out().flush();
  }
}
