package io.whimbrel.server.cli;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.migration.Migration;
import java.util.List;
import picocli.CommandLine.Parameters;

/// The migration that a command works on.
final class MigrationOption {
  @Parameters(
      index = "0",
      paramLabel = "MIGRATION",
      description = "Id of the migration, or the collection when it has one that goes on.")
  private String name = "";

  /// The id; asks the server when a collection was named.
  String id(WhimbrelClient client) {
    try {
      return client.migrations().get(name).id();
    } catch (WhimbrelException e) {
      if (e.code() != ErrorCode.MIGRATION_NOT_FOUND) {
        throw e;
      }
      List<Migration> open = open(client, e);
      if (open.size() > 1) {
        throw WhimbrelException.refusal(
            ErrorCode.INVALID_ARGUMENT,
            "MIGRATION",
            '"' + name + "\" has " + open.stream().map(Migration::id).toList(),
            "one of these ids");
      }
      return open.getFirst().id();
    }
  }

  private List<Migration> open(WhimbrelClient client, WhimbrelException notFound) {
    List<Migration> open;
    try {
      open =
          client.migrations().list(name).stream()
              .filter(migration -> !migration.state().ended())
              .toList();
    } catch (WhimbrelException e) {
      throw e.code() == ErrorCode.COLLECTION_NOT_FOUND ? notFound : e;
    }
    if (open.isEmpty()) {
      throw notFound;
    }
    return open;
  }
}
