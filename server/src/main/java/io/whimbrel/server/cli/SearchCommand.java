package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Hit;
import io.whimbrel.client.Query;
import io.whimbrel.client.QueryRequest;
import io.whimbrel.client.QueryResult;
import io.whimbrel.client.SearchPlan;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.server.cli.files.MatrixFile;
import io.whimbrel.server.cli.json.Json;
import io.whimbrel.server.cli.json.JsonReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `search`.
@Command(
    name = "search",
    description = "Find the points nearest to a vector, or with the words of a text, best first.",
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel search -c docs --vector '[0.1, 0.7, 0.2]' -k 5",
      "  whimbrel search -c docs --vector '[0.1, 0.7, 0.2]' --filter \"lang = 'en' and year >="
          + " 1999\"",
      "  whimbrel search -c images --vector-file query.bvecs --row 3 --payload title,year",
      "  whimbrel search -c docs --vector - --json < vector.json",
      "  whimbrel search -c docs --text 'waders of the tundra'",
      "  whimbrel search -c docs --text waders --vector '[0.1, 0.7, 0.2]' --hybrid"
    })
final class SearchCommand implements Callable<Integer> {
  /// Longest vector that is read from standard input.
  private static final int INPUT_BYTES_MAX = 64 << 20;

  private final Session session;

  @Mixin private CollectionOption collection = new CollectionOption();

  @ArgGroup private Source source = new Source();

  @Option(
      names = "--text",
      paramLabel = "WORDS",
      description = "Rank by BM25 over a full-text index; points with any of the words are hits.")
  private @Nullable String text;

  @Option(
      names = "--text-path",
      paramLabel = "PATH",
      description = "The payload field to search. Default: the only one with a full-text index.")
  private String textPath = "";

  @Option(
      names = "--hybrid",
      description = "With --text and a vector: fuse the ranks of both (RRF).")
  private boolean hybrid;

  @Option(
      names = "--candidates",
      defaultValue = "100",
      paramLabel = "N",
      description = "With --hybrid: how many of each kind compete, k or more. Default: 100")
  private int candidates;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--row",
      defaultValue = "0",
      paramLabel = "N",
      description = "Row of --vector-file, from 0. Default: ${DEFAULT-VALUE}")
  private long row;

  @Option(
      names = "-k",
      defaultValue = "10",
      paramLabel = "N",
      description = "Hits, 1 to 10000. Default: ${DEFAULT-VALUE}")
  private int k;

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

  @Option(names = "--exact", description = "Scan all vectors instead of asking the index.")
  private boolean exact;

  @Option(
      names = "--ef",
      defaultValue = "0",
      paramLabel = "N",
      description = "HNSW: beam width, k to 10000; 0 for twice k and at least 64. Default: 0")
  private int ef;

  @Option(
      names = "--score-threshold",
      paramLabel = "X",
      description = "Leave out hits that score below.")
  private @Nullable Double scoreThreshold;

  @Mixin private FilterOption filter = new FilterOption();

  @Option(names = "--explain", description = "Also print how the search was answered.")
  private boolean explain;

  @Mixin private ReadSelection read = new ReadSelection();

  /// Where the vector comes from.
  private static final class Source {
    @Option(
        names = "--vector",
        paramLabel = "JSON",
        description = "The vector as a list of numbers, or - for standard input.")
    private @Nullable String vector;

    @Option(
        names = "--vector-file",
        paramLabel = "FILE",
        description = "A file of vectors: fvecs, bvecs, f16vecs or npy.")
    private @Nullable Path file;
  }

  SearchCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    boolean byVector = source.vector != null || source.file != null;
    if (hybrid != (byVector && text != null)) {
      throw new ParameterException(
          spec.commandLine(),
          hybrid
              ? "--hybrid needs --text and a vector"
              : "--text beside a vector goes with --hybrid");
    }
    if (text != null) {
      byText(text);
      return Main.DONE;
    }
    if (!byVector) {
      throw new ParameterException(
          spec.commandLine(), "a query is missing: --vector, --vector-file or --text");
    }
    SearchRequest.Builder request =
        SearchRequest.builder(vector())
            .field(field)
            .version(version)
            .k(k)
            .exact(exact)
            .read(read.options());
    if (ef != 0) {
      request.ef(ef);
    }
    if (scoreThreshold != null) {
      request.scoreThreshold(scoreThreshold);
    }
    filter.filter().ifPresent(request::filter);
    SearchResult result;
    try (WhimbrelClient client = session.connect()) {
      result = client.search(collection.name(), request.build());
    }
    if (session.json()) {
      printJson(result);
    } else {
      print(result.hits());
      if (explain) {
        result.plan().ifPresent(this::explain);
      }
    }
    return Main.DONE;
  }

  private void byText(String words) throws IOException {
    QueryResult result;
    try (WhimbrelClient client = session.connect()) {
      Query ranked = Query.text(textPath.isEmpty() ? onlyText(client) : textPath, words);
      if (hybrid) {
        int limit = Math.max(k, candidates);
        Query nearest = Query.nearest(vector()).field(field).version(version);
        ranked = Query.rrf(nearest.limit(limit), ranked.limit(limit));
      }
      QueryRequest.Builder request =
          QueryRequest.builder(ranked).k(k).exact(exact).read(read.options());
      if (scoreThreshold != null) {
        request.scoreThreshold(scoreThreshold);
      }
      filter.filter().ifPresent(request::filter);
      result = client.query(collection.name(), request.build());
    }
    List<Hit> hits = result.hits().stream().map(QueryResult.Ranked::hit).toList();
    if (session.json()) {
      session.printJson(json -> {
        json.writeArrayFieldStart("hits");
        for (Hit hit : hits) {
          writeHit(json, hit);
        }
        json.writeEndArray();
        json.writeNumberField("seq", result.seq());
      });
    } else {
      print(hits);
    }
  }

  private String onlyText(WhimbrelClient client) {
    List<String> paths =
        client.collection(collection.name()).texts().stream()
            .map(text -> text.spec().path())
            .toList();
    if (paths.size() != 1) {
      throw new ParameterException(
          spec.commandLine(),
          paths.isEmpty()
              ? "the collection has no full-text index; declare one: whimbrel collection index add"
                  + " --help"
              : "--text-path says which of " + paths + " to search");
    }
    return paths.getFirst();
  }

  private void print(List<Hit> hits) {
    int rank = 1;
    for (Hit hit : hits) {
      session
          .out()
          .println(
              rank++
                  + "  "
                  + hit.score()
                  + "  "
                  + PointCommands.line(hit.id(), hit.payload(), hit.vectors()));
    }
    if (hits.isEmpty()) {
      session.err().println("no hits");
    }
  }

  private static void writeHit(JsonGenerator json, Hit hit) throws IOException {
    json.writeStartObject();
    Json.writePointFields(json, hit.id(), hit.payload(), hit.vectors());
    json.writeNumberField("score", hit.score());
    json.writeNumberField("seq", hit.seq());
    json.writeEndObject();
  }

  private void explain(SearchPlan plan) {
    session
        .err()
        .printf(
            Locale.ROOT,
            "%s; %d points could be hits, %d payloads read%n",
            switch (plan.method()) {
              case NOTHING -> "nothing was compared";
              case SCAN -> "every match was compared";
              case WALK -> "the graph was walked";
            },
            plan.matches(),
            plan.payloadsRead());
  }

  private void printJson(SearchResult result) throws IOException {
    session.printJson(json -> {
      json.writeArrayFieldStart("hits");
      for (Hit hit : result.hits()) {
        writeHit(json, hit);
      }
      json.writeEndArray();
      json.writeNumberField("seq", result.seq());
      json.writeNumberField("served_version", result.servedVersion());
      json.writeNumberField("coverage", result.coverage());
      if (result.plan().isPresent()) {
        SearchPlan plan = result.plan().get();
        json.writeObjectFieldStart("plan");
        json.writeStringField("method", plan.method().name().toLowerCase(Locale.ROOT));
        json.writeNumberField("matches", plan.matches());
        json.writeNumberField("payloads_read", plan.payloadsRead());
        json.writeEndObject();
      }
    });
  }

  private Vector vector() throws IOException {
    if (source.file != null) {
      return fromFile(source.file);
    }
    byte[] json =
        source.vector == null || source.vector.equals("-")
            ? System.in.readNBytes(INPUT_BYTES_MAX)
            : source.vector.getBytes(StandardCharsets.UTF_8);
    try (JsonReader reader = new JsonReader(json, json.length)) {
      return reader.readVector();
    }
  }

  private Vector fromFile(Path file) throws IOException {
    try (MatrixFile matrix = MatrixFile.open(file)) {
      Optional<float[]> vector = Optional.empty();
      for (long i = 0; i <= row && i < matrix.rows(); i++) {
        vector = matrix.next();
      }
      if (row < 0 || row >= matrix.rows()) {
        throw new IOException(
            file + " has no row " + row + " (expected: 0 to " + (matrix.rows() - 1) + ")");
      }
      return Vector.of(vector.orElseThrow());
    }
  }
}
