package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.arrow.FlightBulk;
import io.whimbrel.server.cli.json.Json;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// What all commands of one command line share: where to print, in which form, and which server to
/// ask.
final class Session {
  /// The longest time of one import or export by Arrow Flight.
  static final Duration TRANSFER_MAX = Duration.ofDays(1);

  private final PrintStream out;
  private final PrintStream err;
  private Address address = new Address("127.0.0.1", WhimbrelClient.DEFAULT_PORT);
  private Duration deadline = Duration.ofMinutes(1);
  private boolean tls;
  private Optional<Path> trust = Optional.empty();
  private boolean json;

  Session(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  PrintStream out() {
    return out;
  }

  PrintStream err() {
    return err;
  }

  boolean json() {
    return json;
  }

  Address address() {
    return address;
  }

  void address(Address address) {
    this.address = address;
  }

  void deadline(Duration deadline) {
    this.deadline = deadline;
  }

  void tls(boolean tls) {
    this.tls = tls;
  }

  void trust(Path trust) {
    this.trust = Optional.of(trust);
  }

  void json(boolean json) {
    this.json = json;
  }

  /// A client of the server in question; the caller closes it.
  WhimbrelClient connect() {
    WhimbrelClient.Builder builder =
        WhimbrelClient.builder().address(address.host(), address.port()).deadline(deadline);
    if (trust.isPresent()) {
      builder.tls(trust.get());
    } else if (tls) {
      builder.tls();
    }
    return builder.build();
  }

  /// A connection for bulk transfer to the server in question; the caller closes it.
  FlightBulk connectFlight() {
    return tls || trust.isPresent()
        ? FlightBulk.tls(address.host(), address.port(), trust)
        : FlightBulk.plaintext(address.host(), address.port());
  }

  /// Prints one JSON object, filled by `fields`, as a line.
  void printJson(JsonBody fields) throws IOException {
    try (JsonGenerator json = Json.generator(out)) {
      json.writeStartObject();
      fields.write(json);
      json.writeEndObject();
    }
    out.println();
  }

  /// Writes into an open object.
  @FunctionalInterface
  interface JsonBody {
    void write(JsonGenerator json) throws IOException;
  }

  /// Where a server listens.
  record Address(String host, int port) {
    /// Reads `host`, `host:port`, `[v6]:port` or `:port`.
    static Address parse(String text) {
      int colon = text.endsWith("]") ? -1 : text.lastIndexOf(':');
      String host = colon < 0 ? text : text.substring(0, colon);
      if (host.startsWith("[") && host.endsWith("]")) {
        host = host.substring(1, host.length() - 1);
      } else if (host.indexOf(':') >= 0) {
        throw wrong(text);
      }
      int port = WhimbrelClient.DEFAULT_PORT;
      if (colon >= 0) {
        try {
          port = Integer.parseInt(text.substring(colon + 1));
        } catch (NumberFormatException e) {
          throw wrong(text);
        }
      }
      if (port < 1 || port > 65_535) {
        throw wrong(text);
      }
      return new Address(host.isEmpty() ? "127.0.0.1" : host, port);
    }

    private static IllegalArgumentException wrong(String text) {
      return new IllegalArgumentException(
          '"' + text + "\" (expected: host:port with a port from 1 to 65535, or [IPv6]:port)");
    }

    @Override
    public String toString() {
      return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
  }
}
