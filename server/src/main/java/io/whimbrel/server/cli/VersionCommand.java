package io.whimbrel.server.cli;

import io.whimbrel.client.ServerInfo;
import io.whimbrel.client.WhimbrelClient;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `version`.
@Command(
    name = "version",
    description = "Print the version of this program and, with --server, of the server.")
final class VersionCommand implements Callable<Integer> {
  private final Session session;

  @Option(names = "--server", description = "Also ask the server for its version and state.")
  private boolean server;

  VersionCommand(Session session) {
    this.session = session;
  }

  /// The version of this build, from the manifest of its jar.
  static String programVersion() {
    @Nullable String version = VersionCommand.class.getPackage().getImplementationVersion();
    return version == null ? "development build" : version;
  }

  @Override
  public Integer call() throws IOException {
    Optional<ServerInfo> info = server ? Optional.of(ask()) : Optional.empty();
    if (session.json()) {
      session.printJson(json -> {
        json.writeStringField("version", programVersion());
        json.writeStringField("java", Runtime.version().toString());
        if (info.isPresent()) {
          ServerInfo s = info.get();
          json.writeObjectFieldStart("server");
          json.writeStringField("version", s.version());
          json.writeStringField("database_id", s.databaseId());
          json.writeNumberField("uptime_seconds", s.uptime().toSeconds());
          json.writeStringField("kernels", s.kernels());
          json.writeNumberField("seq", s.seq());
          json.writeStringField("read_only_reason", s.readOnlyReason());
          json.writeEndObject();
        }
      });
    } else {
      session.out().println("whimbrel " + programVersion() + " on Java " + Runtime.version());
      info.ifPresent(s -> {
        session.out().println("server " + s.version() + " at " + session.address());
        session.out().println("  kernels " + s.kernels() + ", up " + s.uptime().toSeconds() + " s");
        session.out().println("  database " + s.databaseId() + ", seq " + s.seq());
        if (!s.readOnlyReason().isEmpty()) {
          session.out().println("  read-only: " + s.readOnlyReason());
        }
      });
    }
    return Main.DONE;
  }

  private ServerInfo ask() {
    try (WhimbrelClient client = session.connect()) {
      return client.serverInfo();
    }
  }
}
