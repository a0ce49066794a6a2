package io.whimbrel.server;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/// Every setting of the server, with its one name: `search-threads` is the flag `--search-threads`,
/// the environment variable `WHIMBREL_SEARCH_THREADS` and the key `search-threads` of the
/// configuration file.
///
/// All take effect at start; none is stored in the data directory. Only DATA, ASYNC_FLUSH and
/// ACCEPT_DATA_LOSS change what is kept, all others change cost and reach.
public enum ServerOption {
  CONFIG(
      "config",
      "",
      "a file",
      "Java properties file with settings; not itself a setting of the file"),
  DATA("data", "whimbrel-data", "a directory", "data directory, made when missing"),
  HOST(
      "host",
      "127.0.0.1",
      "an address or name",
      "where to listen; other machines reach only an address that is not loopback, which needs TLS"
          + " or insecure"),
  PORT("port", "7700", "0 to 65535", "port to listen on; 0 for any free one"),
  TLS_CERTIFICATE("tls-certificate", "", "a PEM file", "certificate chain; together with tls-key"),
  TLS_KEY("tls-key", "", "a PEM file", "PKCS 8 private key of the certificate"),
  INSECURE("insecure", "false", "true or false", "allows a non-loopback host without TLS"),
  INBOUND_MESSAGE_BYTES_MAX(
      "inbound-message-bytes-max",
      "16MiB",
      "64KiB to 1GiB",
      "largest request message; more costs memory under load"),
  CALLS_PER_CONNECTION_MAX(
      "calls-per-connection-max", "128", "1 to 65536", "calls one connection may have open"),
  CALLS_MAX("calls-max", "2048", "1 to 1000000", "calls all connections may have open"),
  CONNECTIONS_MAX("connections-max", "10000", "1 to 1000000", "open connections"),
  CONNECTIONS_PER_ADDRESS_MAX(
      "connections-per-address-max", "256", "1 to 1000000", "open connections from one address"),
  CONNECTION_IDLE_MAX(
      "connection-idle-max",
      "5m",
      "1s to 24h",
      "closes a connection that has had no calls so long"),
  CONNECTION_AGE_MAX(
      "connection-age-max", "30m", "1s to 8760h", "a connection this old takes no new calls"),
  CONNECTION_AGE_GRACE(
      "connection-age-grace",
      "1h",
      "1s to 8760h",
      "how long calls of such a connection may go on; a bulk load is one call"),
  SEARCH_THREADS(
      "search-threads", "cores", "1 to 1024, or cores", "threads for searches and reads"),
  SEARCH_QUEUE_MAX(
      "search-queue-max", "512", "1 to 1000000", "searches that may wait; more are refused"),
  WRITE_THREADS("write-threads", "4", "1 to 1024, or cores", "threads that prepare writes"),
  WRITE_QUEUE_MAX(
      "write-queue-max", "256", "1 to 1000000", "writes that may wait; more are refused"),
  ADMIN_THREADS("admin-threads", "2", "1 to 1024, or cores", "threads for collections and admin"),
  ADMIN_QUEUE_MAX("admin-queue-max", "64", "1 to 1000000", "such calls that may wait"),
  INGEST_STREAMS_MAX("ingest-streams-max", "64", "1 to 65536", "open bulk-write streams"),
  INGEST_BATCHES_IN_FLIGHT_MAX(
      "ingest-batches-in-flight-max",
      "4",
      "1 to 1024",
      "batches of one stream read and not yet answered; more costs memory and hides latency"),
  SHUTDOWN_GRACE("shutdown-grace", "30s", "0s to 1h", "how long a stop waits for running calls"),
  ACCEPT_DATA_LOSS(
      "accept-data-loss",
      "false",
      "true or false",
      "opens although acknowledged writes are missing from the data directory"),
  ASYNC_FLUSH(
      "async-flush",
      "500ms",
      "1ms to 1h",
      "longest time until an ASYNC write is on stable storage"),
  WRITE_QUEUE_BYTES_MAX(
      "write-queue-bytes-max",
      "64MiB",
      "1MiB to 64GiB",
      "bytes of writes that may wait for the store before writers are held back"),
  WRITE_WAIT_MAX(
      "write-wait-max", "10s", "1ms to 1h", "how long a writer is held back before it is refused"),
  BLOCK_CACHE_BYTES(
      "block-cache-bytes", "128MiB", "1MiB to 1024GiB", "memory for blocks of the store"),
  INDEX_THREADS(
      "index-threads",
      "half",
      "1 to 1024, cores, or half",
      "threads that move new vectors into graph indexes; half of the cores leaves the rest to"
          + " searches");

  private final String key;
  private final String defaultText;
  private final String range;
  private final String description;

  ServerOption(String key, String defaultText, String range, String description) {
    this.key = key;
    this.defaultText = defaultText;
    this.range = range;
    this.description = description;
  }

  /// Its name as a flag (without the dashes) and in the file.
  public String key() {
    return key;
  }

  /// Empty for none; "cores" for as many as the machine has, "half" for half of them.
  public String defaultText() {
    return defaultText;
  }

  /// What is accepted, in words.
  public String range() {
    return range;
  }

  /// What it does, in a phrase.
  public String description() {
    return description;
  }

  /// The environment variable that sets it.
  public String environment() {
    return "WHIMBREL_" + key.toUpperCase(Locale.ROOT).replace('-', '_');
  }

  /// Whether it is a switch: as a flag it needs no value.
  public boolean isSwitch() {
    return range.equals("true or false");
  }

  static Optional<ServerOption> byKey(String key) {
    return Arrays.stream(values()).filter(option -> option.key.equals(key)).findFirst();
  }
}
