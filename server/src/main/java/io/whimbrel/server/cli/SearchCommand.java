package io.whimbrel.server.cli;

import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Hit;
import io.whimbrel.client.MaxSimOptions;
import io.whimbrel.client.Page;
import io.whimbrel.client.Query;
import io.whimbrel.client.QueryInput;
import io.whimbrel.client.QueryRequest;
import io.whimbrel.client.QueryResult;
import io.whimbrel.client.SearchPlan;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.SearchResult;
import io.whimbrel.client.TokenMatch;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.server.cli.files.MatrixFile;
import io.whimbrel.server.cli.json.Json;
import io.whimbrel.server.cli.json.JsonReader;
import io.whimbrel.server.cli.json.QueryReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
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
    description = {
      "Find the points nearest to a vector or to a stored point, or with the words of a text, best"
          + " first; or by a query of several stages.",
      "",
      "The form of --query is in docs/QUERIES.md."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel search -c docs --vector '[0.1, 0.7, 0.2]' -k 5",
      "  whimbrel search -c docs --vector '[0.1, 0.7, 0.2]' --filter \"lang = 'en' and year >="
          + " 1999\"",
      "  whimbrel search -c images --vector-file query.bvecs --row 3 --payload title,year",
      "  whimbrel search -c docs --vector - --json < vector.json",
      "  whimbrel search -c docs --id intro --diversity 0.3 --group-by author --group-size 2",
      "  whimbrel search -c docs --order-by year --descending -k 100",
      "  whimbrel search -c docs --text 'waders of the tundra'",
      "  whimbrel search -c docs --text waders --vector '[0.1, 0.7, 0.2]' --hybrid",
      "  whimbrel search -c docs --query hybrid.json --explain"
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
      description = "With --text and a vector or --id: fuse the ranks of both (RRF).")
  private boolean hybrid;

  @Option(
      names = "--candidates",
      defaultValue = "100",
      paramLabel = "N",
      description = "With --hybrid: how many of each kind compete, k at least. Default: 100")
  private int candidates;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--row",
      defaultValue = "0",
      paramLabel = "N",
      description = "Row of --vector-file, from 0. Default: ${DEFAULT-VALUE}")
  private long row;

  @Option(
      names = "--rows",
      defaultValue = "1",
      paramLabel = "N",
      description =
          "Rows of --vector-file from --row on that together are the query, for fields of many"
              + " vectors a point. Default: ${DEFAULT-VALUE}")
  private int rows;

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
      names = "--maxsim-shortlist",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Many vectors a point: points of the first stage, k to 1000000; 0 for 20 times k and at"
              + " least 500. Default: 0")
  private int shortlist;

  @Option(
      names = "--maxsim-candidates",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Many vectors a point: points whose tokens are compared, k to shortlist; 0 for 16 times k"
              + " and at least 160. Default: 0")
  private int compared;

  @Option(
      names = "--scoring",
      defaultValue = "sum",
      description =
          "Many vectors a point: sum or mean of the best inner product of each query token."
              + " Default: ${DEFAULT-VALUE}")
  private MaxSimOptions.Scoring scoring = MaxSimOptions.Scoring.SUM;

  @Option(
      names = "--align",
      description =
          "Many vectors a point: print which token of a hit was the best for each query token.")
  private boolean align;

  @Option(
      names = "--score-threshold",
      paramLabel = "X",
      description = "Leave out hits that score below.")
  private @Nullable Double scoreThreshold;

  @Mixin private FilterOption filter = new FilterOption();

  @Option(
      names = "--diversity",
      paramLabel = "X",
      description = "0 to 1: of the nearest points, prefer those that are not near to each other.")
  private @Nullable Double diversity;

  @Option(
      names = "--search-dims",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Rank by the first N values of the vectors, then score the best anew by all. Default: 0,"
              + " for all at once")
  private int searchDims;

  @Option(
      names = "--group-by",
      defaultValue = "",
      paramLabel = "PATH",
      description = "Print -k groups of hits that share a payload value.")
  private String groupBy = "";

  @Option(
      names = "--group-size",
      defaultValue = "3",
      paramLabel = "N",
      description = "Hits in a group, 1 to 100. Default: ${DEFAULT-VALUE}")
  private int groupSize;

  @Option(names = "--descending", description = "--order-by: the greatest value first.")
  private boolean descending;

  @Option(
      names = "--cursor",
      defaultValue = Page.START,
      paramLabel = "CURSOR",
      description = "--order-by: where to go on, as printed by the page before.")
  private String cursor = Page.START;

  @Option(names = "--explain", description = "Also print how the search was answered.")
  private boolean explain;

  @Mixin private ReadSelection read = new ReadSelection();

  /// What points are compared with.
  private static final class Source {
    @Option(
        names = "--vector",
        required = true,
        paramLabel = "JSON",
        description = "The vector as a list of numbers, or - for standard input.")
    private @Nullable String vector;

    @Option(
        names = "--vector-file",
        required = true,
        paramLabel = "FILE",
        description = "A file of vectors: fvecs, bvecs, f16vecs or npy.")
    private @Nullable Path file;

    @Option(
        names = "--id",
        required = true,
        paramLabel = "ID",
        description = "A stored point: search by its vector. " + Ids.HELP)
    private @Nullable String id;

    @Option(
        names = "--order-by",
        required = true,
        paramLabel = "PATH",
        description = "No vector: all points in the order of a payload value.")
    private @Nullable String orderBy;

    @Option(
        names = "--sample",
        required = true,
        paramLabel = "SEED",
        description = "No vector: points drawn at random.")
    private @Nullable Long sample;

    @Option(
        names = "--query",
        required = true,
        paramLabel = "FILE",
        description = "A query of any number of stages in JSON, or - for standard input.")
    private @Nullable Path tree;
  }

  SearchCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    boolean near = source.vector != null || source.file != null || source.id != null;
    boolean other = source.orderBy != null || source.sample != null || source.tree != null;
    if (text == null && !near && !other) {
      throw new ParameterException(
          spec.commandLine(),
          "a query is missing: --vector, --vector-file, --id, --text, --order-by, --sample or"
              + " --query");
    }
    if (text != null && other) {
      throw new ParameterException(
          spec.commandLine(), "--text goes alone, or with a vector or --id and --hybrid");
    }
    if (hybrid != (text != null && near)) {
      throw new ParameterException(
          spec.commandLine(),
          hybrid
              ? "--hybrid needs --text, and a vector or --id"
              : "--text beside a vector or --id goes with --hybrid");
    }
    boolean plain =
        text == null
            && (source.vector != null || source.file != null)
            && diversity == null
            && searchDims == 0
            && groupBy.isEmpty()
            && cursor.isEmpty();
    return plain ? search() : query();
  }

  private int search() throws IOException {
    SearchRequest.Builder request =
        SearchRequest.builder(vector())
            .field(field)
            .version(version)
            .k(k)
            .exact(exact)
            .maxSim(new MaxSimOptions(size(shortlist), size(compared), scoring, align))
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
      int rank = 1;
      for (Hit hit : result.hits()) {
        session.out().println(rank++ + "  " + line(hit));
        hit.alignment().forEach(match -> session.out().println(line(match)));
      }
      if (result.hits().isEmpty()) {
        session.err().println("no hits");
      }
      if (explain) {
        result.plan().ifPresent(plan -> explain("", plan));
      }
    }
    return Main.DONE;
  }

  private static OptionalInt size(int given) {
    return given == 0 ? OptionalInt.empty() : OptionalInt.of(given);
  }

  private static String line(TokenMatch match) {
    return "     "
        + match.queryToken()
        + " -> "
        + match.token()
        + "  "
        + String.format(Locale.ROOT, "%.4f", match.score());
  }

  private static String line(Hit hit) throws IOException {
    return hit.score() + "  " + PointCommands.line(hit.id(), hit.payload(), hit.vectors());
  }

  private int query() throws IOException {
    if (shortlist != 0 || compared != 0 || align || scoring != MaxSimOptions.Scoring.SUM) {
      throw new ParameterException(
          spec.commandLine(),
          "--maxsim-shortlist, --maxsim-candidates, --scoring and --align go with a vector alone"
              + " (expected: none, in a query of stages, text, groups or pages)");
    }
    QueryResult result;
    try (WhimbrelClient client = session.connect()) {
      QueryRequest.Builder request =
          QueryRequest.builder(text == null ? tree() : byText(client, text))
              .k(k)
              .exact(exact)
              .read(read.options())
              .cursor(cursor);
      if (ef != 0) {
        request.ef(ef);
      }
      if (scoreThreshold != null) {
        request.scoreThreshold(scoreThreshold);
      }
      if (!groupBy.isEmpty()) {
        request.groupBy(groupBy, groupSize);
      }
      filter.filter().ifPresent(request::filter);
      result = client.query(collection.name(), request.build());
    }
    if (session.json()) {
      session.printJson(json -> QueryJson.write(json, result));
    } else {
      print(result);
    }
    return Main.DONE;
  }

  private Query byText(WhimbrelClient client, String words) throws IOException {
    Query ranked = Query.text(textPath.isEmpty() ? onlyText(client) : textPath, words);
    int limit = Math.max(k, candidates);
    return hybrid ? Query.rrf(tree().limit(limit), ranked.limit(limit)) : ranked;
  }

  private String onlyText(WhimbrelClient client) {
    List<String> paths =
        client.collection(collection.name()).texts().stream()
            .map(index -> index.spec().path())
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

  private Query tree() throws IOException {
    if (source.tree != null) {
      byte[] json =
          source.tree.equals(Path.of("-"))
              ? System.in.readNBytes(INPUT_BYTES_MAX)
              : Files.readAllBytes(source.tree);
      try (QueryReader reader = new QueryReader(json, json.length)) {
        return reader.read();
      }
    }
    if (source.orderBy != null) {
      return Query.orderBy(source.orderBy, descending);
    }
    if (source.sample != null) {
      return Query.sample(source.sample);
    }
    QueryInput input =
        source.id != null ? QueryInput.of(Ids.parse(source.id)) : QueryInput.of(vector());
    Query.Nearest nearest =
        Query.nearest(input).field(field).version(version).searchDims(searchDims);
    return diversity == null ? nearest : nearest.diverse(diversity);
  }

  private void print(QueryResult result) throws IOException {
    int rank = 1;
    for (QueryResult.Ranked hit : result.hits()) {
      session.out().println(rank++ + "  " + line(hit.hit()));
    }
    for (QueryResult.Group group : result.groups()) {
      session.out().println(PointCommands.text(group.key()));
      for (QueryResult.Ranked hit : group.hits()) {
        session.out().println("  " + line(hit.hit()));
      }
    }
    if (result.hits().isEmpty() && result.groups().isEmpty()) {
      session.err().println("no hits");
    }
    result.warnings().forEach(warning -> session.err().println("warning: " + warning));
    if (!result.nextCursor().isEmpty()) {
      session.err().println("more: --cursor " + result.nextCursor());
    }
    if (explain) {
      for (QueryResult.Stage stage : result.stages()) {
        if (stage.plan().isPresent()) {
          explain(stage.path() + ": ", stage.plan().get());
        }
        session.err().println(stage.path() + ": " + stage.points() + " points");
      }
    }
  }

  private void explain(String stage, SearchPlan plan) {
    session
        .err()
        .printf(
            Locale.ROOT,
            "%s%s; %d points could be hits, %d payloads read%n",
            stage,
            switch (plan.method()) {
              case NOTHING -> "nothing was compared";
              case SCAN -> "every match was compared";
              case WALK -> "the graph was walked";
              case CASCADE -> "coarse forms chose the matches whose tokens were compared";
            },
            plan.matches(),
            plan.payloadsRead());
  }

  private void printJson(SearchResult result) throws IOException {
    session.printJson(json -> {
      json.writeArrayFieldStart("hits");
      for (Hit hit : result.hits()) {
        json.writeStartObject();
        Json.writePointFields(json, hit.id(), hit.payload(), hit.vectors());
        json.writeNumberField("score", hit.score());
        json.writeNumberField("seq", hit.seq());
        if (!hit.alignment().isEmpty()) {
          json.writeArrayFieldStart("alignment");
          for (TokenMatch match : hit.alignment()) {
            json.writeStartObject();
            json.writeNumberField("query_token", match.queryToken());
            json.writeNumberField("token", match.token());
            json.writeNumberField("score", match.score());
            json.writeEndObject();
          }
          json.writeEndArray();
        }
        json.writeEndObject();
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
      if (row < 0 || row >= matrix.rows()) {
        throw new IOException(
            file + " has no row " + row + " (expected: 0 to " + (matrix.rows() - 1) + ")");
      }
      long most = Math.min(matrix.rows() - row, JsonReader.VECTOR_VALUES_MAX / matrix.dimension());
      if (rows < 1 || rows > most) {
        throw new IOException(
            file + " from row " + row + " on, --rows: " + rows + " (expected: 1 to " + most + ")");
      }
      for (long i = 0; i < row; i++) {
        matrix.next();
      }
      float[] values = new float[rows * matrix.dimension()];
      for (int i = 0; i < rows; i++) {
        float[] token = matrix.next().orElseThrow();
        System.arraycopy(token, 0, values, i * token.length, token.length);
      }
      return new Vector(values, rows, "");
    }
  }
}
