package io.whimbrel.server.wire;

import io.whimbrel.core.model.Alias;
import io.whimbrel.core.model.AliasChange;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.ChangeAliasesRequest;
import io.whimbrel.proto.v1.ListAliasesRequest;
import java.util.ArrayList;
import java.util.List;

/// Aliases of collections.
public final class AliasWire {
  private AliasWire() {}

  public static List<AliasChange> changes(ChangeAliasesRequest message) {
    Form.known(message);
    Limits.checkRange("changes", message.getChangesCount(), 1, Limits.ALIAS_CHANGES_MAX);
    List<AliasChange> changes = new ArrayList<>(message.getChangesCount());
    for (int i = 0; i < message.getChangesCount(); i++) {
      try {
        changes.add(change(message.getChanges(i)));
      } catch (WhimbrelException e) {
        throw Form.within("changes[" + i + "]", e);
      }
    }
    return changes;
  }

  private static AliasChange change(io.whimbrel.proto.v1.AliasChange message) {
    Form.known(message);
    return switch (message.getChangeCase()) {
      case CREATE -> {
        Form.known(message.getCreate());
        yield new AliasChange.Create(
            message.getCreate().getName(), message.getCreate().getCollection());
      }
      case SWITCH -> {
        Form.known(message.getSwitch());
        yield new AliasChange.Switch(
            message.getSwitch().getName(), message.getSwitch().getCollection());
      }
      case DROP -> new AliasChange.Drop(message.getDrop());
      case CHANGE_NOT_SET -> throw Form.missing("change", "create, switch or drop");
    };
  }

  public static void check(ListAliasesRequest message) {
    Form.known(message);
  }

  public static List<io.whimbrel.proto.v1.Alias> messages(List<Alias> aliases) {
    return aliases.stream()
        .map(alias ->
            io.whimbrel.proto.v1.Alias.newBuilder()
                .setName(alias.name())
                .setCollection(alias.collection())
                .build())
        .toList();
  }
}
