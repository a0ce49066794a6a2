package io.whimbrel.server.ops;

import org.slf4j.bridge.SLF4JBridgeHandler;

/// Sends what gRPC writes to `java.util.logging` the way of all other logs. Logback is set up by
/// `logback.xml`.
public final class Logging {
  private Logging() {}

  /// May be called any number of times.
  public static synchronized void install() {
    if (!SLF4JBridgeHandler.isInstalled()) {
      SLF4JBridgeHandler.removeHandlersForRootLogger();
      SLF4JBridgeHandler.install();
    }
  }
}
