package io.whimbrel.server.ops;

import java.util.Optional;

/// The version that the jar's manifest names; "development" when the classes do not come from a
/// jar.
public final class ServerVersion {
  public static final String TEXT =
      Optional.ofNullable(ServerVersion.class.getPackage().getImplementationVersion())
          .orElse("development");

  private ServerVersion() {}
}
