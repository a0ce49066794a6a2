package io.whimbrel.server.cli;

import io.whimbrel.client.FacetResult;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.server.cli.json.Json;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `facet`.
@Command(
    name = "facet",
    description =
        "Print how many points have each value of a payload path, the most frequent first.",
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = "  whimbrel facet -c books lang --filter \"year >= 1999\"")
final class FacetCommand implements Callable<Integer> {
  private final Session session;

  @Mixin private CollectionOption collection = new CollectionOption();

  @Parameters(paramLabel = "PATH", description = "For example lang or authors[].name.")
  private String path = "";

  @Option(
      names = "--limit",
      defaultValue = "10",
      paramLabel = "N",
      description = "Values, 1 to 10000. Default: ${DEFAULT-VALUE}")
  private int limit;

  @Mixin private FilterOption filter = new FilterOption();

  FacetCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    FacetResult facets;
    try (WhimbrelClient client = session.connect()) {
      facets = client.facet(collection.name(), path, filter.filter(), limit);
    }
    if (session.json()) {
      session.printJson(json -> {
        json.writeArrayFieldStart("values");
        for (FacetResult.Count count : facets.values()) {
          json.writeStartObject();
          json.writeFieldName("value");
          Json.writeValue(json, count.value());
          json.writeNumberField("count", count.points());
          json.writeEndObject();
        }
        json.writeEndArray();
        json.writeNumberField("distinct", facets.distinct());
        json.writeNumberField("points", facets.points());
        json.writeNumberField("seq", facets.seq());
      });
      return Main.DONE;
    }
    for (FacetResult.Count count : facets.values()) {
      session.out().println(count.points() + "  " + PointCommands.text(count.value()));
    }
    session.err().println(facets.distinct() + " values over " + facets.points() + " points");
    return Main.DONE;
  }
}
