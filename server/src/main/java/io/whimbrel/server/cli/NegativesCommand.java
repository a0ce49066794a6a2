package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.MinedNegatives;
import io.whimbrel.client.NegativeMining;
import io.whimbrel.client.QueryInput;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.server.cli.json.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `negatives`.
@Command(
    name = "negatives",
    description = {
      "Print, one JSON object a line, near points that are no known answers of a query: material to"
          + " train a model with.",
      "",
      "For all queries of a golden set, or for stored points."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel negatives -c docs --golden-set faq --relative-margin 0.05 > negatives.jsonl",
      "  whimbrel negatives -c docs --id 17 --range-min 10 --range-max 100 --random --seed 7"
    })
final class NegativesCommand implements Callable<Integer> {
  private final Session session;

  @Mixin private CollectionOption collection = new CollectionOption();

  @ArgGroup(multiplicity = "1")
  private Source source = new Source();

  @Option(
      names = "--field",
      defaultValue = FieldSpec.DEFAULT_NAME,
      paramLabel = "NAME",
      description = "Vector field. Default: ${DEFAULT-VALUE}")
  private String field = FieldSpec.DEFAULT_NAME;

  @Option(
      names = "--version-number",
      defaultValue = "0",
      paramLabel = "N",
      description = "Version of the field to ask; 0 for the one that serves. Default: 0")
  private int version;

  @Option(
      names = "--negatives",
      defaultValue = "10",
      paramLabel = "N",
      description = "Negatives of a query, 1 to 1000. Default: ${DEFAULT-VALUE}")
  private int negatives;

  @Option(
      names = "--range-min",
      defaultValue = "0",
      paramLabel = "N",
      description = "Pass over the nearest so many. Default: ${DEFAULT-VALUE}")
  private int rangeMin;

  @Option(
      names = "--range-max",
      defaultValue = "100",
      paramLabel = "N",
      description = "Look at the first so many, up to 10000. Default: ${DEFAULT-VALUE}")
  private int rangeMax;

  @Option(
      names = "--absolute-margin",
      paramLabel = "X",
      description = "Negatives score less than the best answer less X.")
  private @Nullable Double absoluteMargin;

  @Option(
      names = "--relative-margin",
      paramLabel = "X",
      description = "Negatives score less than 1 - X times the best answer.")
  private @Nullable Double relativeMargin;

  @Option(names = "--max-score", paramLabel = "X", description = "Negatives score at most X.")
  private @Nullable Double maxScore;

  @Option(names = "--min-score", paramLabel = "X", description = "Negatives score at least X.")
  private @Nullable Double minScore;

  @Option(names = "--random", description = "Draw from all that are allowed.")
  private boolean random;

  @Option(
      names = "--seed",
      defaultValue = "0",
      paramLabel = "N",
      description = "The same seed draws the same. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(names = "--exact", description = "Scan all vectors instead of asking the index.")
  private boolean exact;

  @Mixin private FilterOption filter = new FilterOption();

  /// Where the queries come from.
  private static final class Source {
    @Option(
        names = "--golden-set",
        required = true,
        paramLabel = "NAME",
        description = "All queries of a golden set of the collection.")
    private @Nullable String goldenSet;

    @Option(
        names = "--id",
        required = true,
        paramLabel = "ID",
        description = "Stored points, by their vectors. " + Ids.HELP)
    private @Nullable List<String> ids;
  }

  NegativesCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    List<NegativeMining.MiningQuery> queries = new ArrayList<>();
    if (source.ids != null) {
      for (String id : source.ids) {
        queries.add(new NegativeMining.MiningQuery(QueryInput.of(Ids.parse(id)), List.of()));
      }
    }
    int from = 0;
    try (WhimbrelClient client = session.connect()) {
      do {
        MinedNegatives mined = client.mineNegatives(collection.name(), mining(queries, from));
        for (int i = 0; i < mined.queries().size(); i++) {
          String name = source.ids == null ? mined.queries().get(i).query() : source.ids.get(i);
          session.out().println(line(name, mined.queries().get(i)));
        }
        from = mined.nextFrom();
      } while (from != 0);
    }
    return Main.DONE;
  }

  private NegativeMining mining(List<NegativeMining.MiningQuery> queries, int from) {
    return new NegativeMining(
        field,
        version,
        source.goldenSet == null ? "" : source.goldenSet,
        queries,
        negatives,
        rangeMin,
        rangeMax,
        optional(absoluteMargin),
        optional(relativeMargin),
        optional(maxScore),
        optional(minScore),
        random,
        seed,
        filter.filter(),
        exact,
        from);
  }

  private static OptionalDouble optional(@Nullable Double value) {
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  private static String line(String name, MinedNegatives.Mined mined) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.generator(line)) {
      json.writeStartObject();
      json.writeStringField("query", name);
      scored(json, "positives", mined.positives());
      scored(json, "negatives", mined.negatives());
      json.writeNumberField("too_near", mined.tooNear());
      json.writeEndObject();
    }
    return line.toString(StandardCharsets.UTF_8);
  }

  private static void scored(JsonGenerator json, String name, List<MinedNegatives.Scored> points)
      throws IOException {
    json.writeArrayFieldStart(name);
    for (MinedNegatives.Scored point : points) {
      json.writeStartObject();
      json.writeFieldName("id");
      Json.writeId(json, point.id());
      json.writeNumberField("score", point.score());
      if (point.rank() > 0) {
        json.writeNumberField("rank", point.rank());
      }
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
