package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.Durability;
import io.whimbrel.client.Filter;
import io.whimbrel.client.Page;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WriteOptions;
import io.whimbrel.client.WriteResult;
import io.whimbrel.server.cli.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// Commands on points by id: get, scroll, count, delete.
final class PointCommands {
  private PointCommands() {}

  /// `get`.
  @Command(
      name = "get",
      description = "Print points by id, in the order asked for. Fails when one does not exist.",
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel get -c docs 17 intro",
        "  whimbrel get -c docs 17 --with-vectors --json"
      })
  static final class Get implements Callable<Integer> {
    private final Session session;

    @Mixin private CollectionOption collection = new CollectionOption();

    @Parameters(paramLabel = "ID", arity = "1..*", description = Ids.HELP)
    private List<String> ids = List.of();

    @Mixin private ReadSelection read = new ReadSelection();

    Get(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      List<PointId> wanted = parseIds(ids);
      List<Point> points;
      try (WhimbrelClient client = session.connect()) {
        points = client.get(collection.name(), wanted, read.options());
      }
      Set<PointId> found = new HashSet<>();
      points.forEach(point -> found.add(point.id()));
      List<PointId> missing = wanted.stream().filter(id -> !found.contains(id)).toList();
      if (session.json()) {
        session.printJson(json -> {
          writePoints(json, points);
          json.writeArrayFieldStart("missing");
          for (PointId id : missing) {
            Json.writeId(json, id);
          }
          json.writeEndArray();
        });
      } else {
        printPoints(session, points);
      }
      for (PointId id : missing) {
        session.err().println("error: no point " + id + " in " + collection.name());
      }
      return missing.isEmpty() ? Main.DONE : Main.FAILED;
    }
  }

  /// `scroll`.
  @Command(
      name = "scroll",
      description = "Print points in id order, page by page.",
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel scroll -c docs --limit 20",
        "  whimbrel scroll -c docs --filter \"draft exists\"",
        "  whimbrel scroll -c docs --cursor CURSOR --json    the page after; CURSOR was printed"
      })
  static final class Scroll implements Callable<Integer> {
    private final Session session;

    @Mixin private CollectionOption collection = new CollectionOption();

    @Option(
        names = "--limit",
        defaultValue = "100",
        paramLabel = "N",
        description = "Points, 1 to 10000. Default: ${DEFAULT-VALUE}")
    private int limit;

    @Option(
        names = "--cursor",
        defaultValue = Page.START,
        paramLabel = "CURSOR",
        description = "Where to go on, as printed by the page before.")
    private String cursor = Page.START;

    @Mixin private FilterOption filter = new FilterOption();

    @Mixin private SliceOption slice = new SliceOption();

    @Mixin private ReadSelection read = new ReadSelection();

    Scroll(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      Page page;
      try (WhimbrelClient client = session.connect()) {
        page =
            client.scroll(
                collection.name(), cursor, limit, filter.filter(), slice.slice(), read.options());
      }
      if (session.json()) {
        session.printJson(json -> {
          writePoints(json, page.points());
          json.writeStringField("next_cursor", page.nextCursor());
          json.writeNumberField("seq", page.seq());
        });
      } else {
        printPoints(session, page.points());
        if (!page.last()) {
          session.err().println("more: --cursor " + page.nextCursor());
        }
      }
      return Main.DONE;
    }
  }

  /// `count`.
  @Command(
      name = "count",
      description = "Print how many points a collection has.",
      sortOptions = false)
  static final class Count implements Callable<Integer> {
    private final Session session;

    @Mixin private CollectionOption collection = new CollectionOption();

    @Mixin private FilterOption filter = new FilterOption();

    Count(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      long count;
      try (WhimbrelClient client = session.connect()) {
        Optional<Filter> wanted = filter.filter();
        count =
            wanted.isPresent()
                ? client.count(collection.name(), wanted.get())
                : client.count(collection.name());
      }
      if (session.json()) {
        session.printJson(json -> json.writeNumberField("count", count));
      } else {
        session.out().println(count);
      }
      return Main.DONE;
    }
  }

  /// `delete`.
  @Command(
      name = "delete",
      description = {
        "Delete points by id, of which those that do not exist are passed over, or by a filter.",
        "",
        "A deletion by filter is made in atomic steps of 10000 points."
      },
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel delete -c docs 17 18 intro",
        "  whimbrel delete -c docs --filter \"year < 1999\" --dry-run"
      })
  static final class Delete implements Callable<Integer> {
    private final Session session;

    @Spec private CommandSpec commandSpec = CommandSpec.create();

    @Mixin private CollectionOption collection = new CollectionOption();

    @Mixin private FilterOption filter = new FilterOption();

    @Option(names = "--dry-run", description = "With --filter: print how many, and delete none.")
    private boolean dryRun;

    @Parameters(paramLabel = "ID", arity = "0..*", description = Ids.HELP)
    private List<String> ids = List.of();

    Delete(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      Optional<Filter> wanted = filter.filter();
      if (wanted.isPresent() != ids.isEmpty()) {
        throw new ParameterException(commandSpec.commandLine(), "give either ids or --filter");
      }
      if (dryRun && wanted.isEmpty()) {
        throw new ParameterException(commandSpec.commandLine(), "--dry-run needs --filter");
      }
      try (WhimbrelClient client = session.connect()) {
        if (dryRun) {
          reportDryRun(client.countToDelete(collection.name(), wanted.orElseThrow()));
        } else if (wanted.isPresent()) {
          report(client.deleteMatching(collection.name(), wanted.get(), Durability.SYNC));
        } else {
          report(client.delete(collection.name(), parseIds(ids), WriteOptions.DEFAULT));
        }
      }
      return Main.DONE;
    }

    private void reportDryRun(long count) throws IOException {
      if (session.json()) {
        session.printJson(json -> json.writeNumberField("would_delete", count));
      } else {
        session.out().println("would delete " + count + " points");
      }
    }

    private void report(WriteResult result) throws IOException {
      if (session.json()) {
        session.printJson(json -> {
          json.writeNumberField("deleted", result.affected());
          json.writeNumberField("seq", result.seq());
          json.writeStringField("durability", result.durability().name().toLowerCase(Locale.ROOT));
        });
      } else {
        session.out().println("deleted " + result.affected() + " points");
      }
    }
  }

  /// One line: the id as JSON, the payload, and the vectors if there are any.
  static String line(PointId id, Map<String, Value> payload, Map<String, Vector> vectors)
      throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.generator(line)) {
      json.setRootValueSeparator(null);
      Json.writeId(json, id);
      json.writeRaw("  ");
      Json.writePayload(json, payload);
      if (!vectors.isEmpty()) {
        json.writeRaw("  ");
        Json.writeVectors(json, vectors);
      }
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  /// A value as JSON.
  static String text(Value value) throws IOException {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.generator(text)) {
      Json.writeValue(json, value);
    }
    return text.toString(StandardCharsets.UTF_8);
  }

  private static List<PointId> parseIds(List<String> texts) throws IOException {
    List<PointId> ids = new ArrayList<>();
    for (String text : texts) {
      ids.add(Ids.parse(text));
    }
    return ids;
  }

  private static void printPoints(Session session, List<Point> points) throws IOException {
    for (Point point : points) {
      session.out().println(line(point.id(), point.payload(), point.vectors()));
    }
  }

  private static void writePoints(JsonGenerator json, List<Point> points) throws IOException {
    json.writeArrayFieldStart("points");
    for (Point point : points) {
      json.writeStartObject();
      Json.writePointFields(json, point.id(), point.payload(), point.vectors());
      json.writeNumberField("seq", point.seq());
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
