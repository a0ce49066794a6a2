package io.whimbrel.server.cli;

import io.whimbrel.client.Alias;
import io.whimbrel.client.AliasChange;
import io.whimbrel.client.WhimbrelClient;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `collection alias`: names that stand for collections.
@Command(
    name = "alias",
    description = {
      "Show or change aliases: names that stand for a collection in every command but its"
          + " deletion.",
      "All changes of one call are made in one step, or none."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel collection alias --create docs=docs-1",
      "  whimbrel collection alias --switch docs=docs-2 --create old=docs-1"
    })
final class AliasCommands implements Callable<Integer> {
  private final Session session;

  @Option(
      names = "--create",
      split = ",",
      paramLabel = "ALIAS=NAME",
      description = "A new name for a collection.")
  private List<String> creates = List.of();

  @Option(
      names = "--switch",
      split = ",",
      paramLabel = "ALIAS=NAME",
      description = "A present alias stands for another collection from now on.")
  private List<String> switches = List.of();

  @Option(names = "--drop", split = ",", paramLabel = "ALIAS", description = "A present alias.")
  private List<String> drops = List.of();

  @Spec private CommandSpec spec = CommandSpec.create();

  AliasCommands(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    List<AliasChange> changes = new ArrayList<>();
    drops.forEach(alias -> changes.add(new AliasChange.Drop(alias)));
    for (String text : switches) {
      String[] pair = pair(text);
      changes.add(new AliasChange.Switch(pair[0], pair[1]));
    }
    for (String text : creates) {
      String[] pair = pair(text);
      changes.add(new AliasChange.Create(pair[0], pair[1]));
    }
    try (WhimbrelClient client = session.connect()) {
      show(changes.isEmpty() ? client.aliases() : client.changeAliases(changes));
    }
    return Main.DONE;
  }

  private String[] pair(String text) {
    String[] pair = text.split("=", -1);
    if (pair.length != 2) {
      throw new ParameterException(
          spec.commandLine(), '"' + text + "\" (expected: ALIAS=NAME, for example docs=docs-2)");
    }
    return pair;
  }

  private void show(List<Alias> aliases) throws IOException {
    if (session.json()) {
      session.printJson(json -> {
        json.writeObjectFieldStart("aliases");
        for (Alias alias : aliases) {
          json.writeStringField(alias.name(), alias.collection());
        }
        json.writeEndObject();
      });
    } else if (aliases.isEmpty()) {
      session.out().println("no aliases");
    } else {
      aliases.forEach(alias -> session.out().println(alias.name() + " -> " + alias.collection()));
    }
  }
}
