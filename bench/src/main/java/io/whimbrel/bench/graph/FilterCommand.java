package io.whimbrel.bench.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.SearchOptions;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.peers.FilteredLucene;
import io.whimbrel.bench.report.Directories;
import io.whimbrel.bench.report.Plot;
import io.whimbrel.core.hnsw.HnswIndex;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bench filter`.
@Command(
    name = "filter",
    description = {
      "The graph under filters: queries a second at equal recall, for filters that accept more or"
          + " fewer of the rows.",
      "",
      "Each filter is measured at the smallest beam that reaches the recall, beside no filter and"
          + " beside a scan of the accepted rows, by one thread."
    },
    footer = {
      "",
      "Examples:",
      "  ./whimbrel bench filter",
      "  ./whimbrel bench filter --data DIR --metric cosine --recall 0.99 --json",
      "  ./whimbrel bench filter --data DIR --accept 100,10,1 --lucene --plot picture.svg",
      "  ./whimbrel bench filter --data DIR --labels DIR/base_labels.u8 --queries 500"
    },
    sortOptions = false)
public final class FilterCommand implements Callable<Integer> {
  private static final double PERCENT_MIN = 1e-6;

  private final PrintStream out;
  private final PrintStream err;

  @Mixin private SearchOptions options = new SearchOptions();

  @Option(
      names = "--accept",
      split = ",",
      defaultValue = "100,50,20,10,5,2,1,0.5,0.1",
      paramLabel = "PERCENT",
      description = "Shares of the rows accepted. Default: ${DEFAULT-VALUE}")
  private List<Double> percents = List.of();

  @Option(
      names = "--labels",
      paramLabel = "FILE",
      description = {
        "A label for each row of the base, one or two bytes each: then filters also accept the",
        "labels nearest to the query, and those farthest from it"
      })
  private @Nullable Path labels;

  @Option(names = "--lucene", description = "Measure Lucene's filtered graph beside it.")
  private boolean lucene;

  @Option(
      names = "--queries",
      paramLabel = "N",
      defaultValue = "2000",
      description = "At most so many queries, the first. Default: ${DEFAULT-VALUE}")
  private int queries;

  @Option(names = "--plot", paramLabel = "FILE", description = "Write a picture (SVG).")
  private @Nullable Path plot;

  @Option(
      names = "--recall",
      defaultValue = "0.95",
      description = "What each beam is chosen for. Default: ${DEFAULT-VALUE}")
  private double recall;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the accepted rows. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public FilterCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException {
    options.check();
    options.check("--recall", recall, 0, 1);
    for (double percent : percents) {
      options.check("--accept", percent, PERCENT_MIN, 100);
    }
    options.check("--queries", queries, 1, Integer.MAX_VALUE);
    SearchSet data = options.open().first(queries);
    Optional<LabelFilters> filters = Optional.empty();
    if (labels != null) {
      filters = Optional.of(LabelFilters.read(labels, data, options.fileRows()));
    }
    err.println("building a graph of " + data.base().length + " rows");
    Path scratch = Files.createTempDirectory("whimbrel-filter");
    try (HnswIndex index = Graphs.build(data, options.graph())) {
      List<FilterSweep.Result> results;
      if (lucene) {
        err.println("building Lucene's graph");
        try (FilteredLucene graph = lucene(data, scratch)) {
          results = sweep(data, index, filters, Optional.of(lucene(data, scratch, graph)));
        }
      } else {
        results = sweep(data, index, filters, Optional.empty());
      }
      Report report = Report.of(options, data);
      report.header(out);
      print(results);
      if (plot != null) {
        Files.writeString(plot, picture(data, results));
      }
      if (json) {
        out.println(report.json("filter", to -> write(to, results)));
      }
    } finally {
      Directories.removeAll(scratch);
    }
    return 0;
  }

  private FilteredLucene lucene(SearchSet data, Path scratch) throws IOException {
    Path rows = scratch.resolve("rows");
    data.write(data.base(), rows);
    return FilteredLucene.build(
        scratch.resolve("lucene"), rows, data.dimension(), data.metric(), options.graph());
  }

  private static FilterSweep.Lucene lucene(SearchSet data, Path scratch, FilteredLucene graph)
      throws IOException {
    Path asked = scratch.resolve("queries");
    data.write(data.queries(), asked);
    return new FilterSweep.Lucene(graph, FilteredLucene.rows(asked, data.dimension()));
  }

  private List<FilterSweep.Result> sweep(
      SearchSet data,
      HnswIndex index,
      Optional<LabelFilters> filters,
      Optional<FilterSweep.Lucene> other)
      throws IOException {
    List<FilterSweep.Kind> kinds =
        filters.isPresent() ? List.of(FilterSweep.Kind.values()) : List.of(FilterSweep.Kind.RANDOM);
    return new FilterSweep(data, index, filters, other, recall, options.runs(), seed)
        .run(kinds, percents, this::watch);
  }

  private String picture(SearchSet data, List<FilterSweep.Result> results) {
    List<Plot.Series> all = new ArrayList<>();
    for (FilterSweep.Kind kind : FilterSweep.Kind.values()) {
      List<FilterSweep.Result> some =
          results.stream()
              .filter(result -> result.kind() == kind)
              .sorted(Comparator.comparingDouble(FilterSweep.Result::percent))
              .toList();
      if (some.isEmpty()) {
        continue;
      }
      all.add(series("whimbrel " + name(kind), some, result -> Optional.of(result.point().qps())));
      all.add(series("scan " + name(kind), some, result -> Optional.of(result.scanQps())));
      if (lucene) {
        all.add(
            series(
                "lucene " + name(kind),
                some,
                result -> result.lucene().map(SearchTimer.Point::qps)));
      }
    }
    return Plot.overAccepted(
        data.name()
            + ", recall@"
            + options.k()
            + " >= "
            + recall
            + ", "
            + data.base().length
            + " rows",
        all);
  }

  private static Plot.Series series(
      String name,
      List<FilterSweep.Result> results,
      Function<FilterSweep.Result, Optional<Double>> qps) {
    return new Plot.Series(
        name,
        results.stream()
            .flatMap(
                result ->
                    qps.apply(result).map(each -> new Plot.Point(result.percent(), each)).stream())
            .toList());
  }

  private static String name(FilterSweep.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /// Shows what happens, since a run takes minutes.
  private void watch(FilterSweep.Result result) {
    err.printf(
        Locale.ROOT,
        "%s %s %%: ef %d, recall %.4f, %.0f queries/s, scan %.0f%n",
        name(result.kind()),
        result.percent(),
        result.point().ef(),
        result.point().recall(),
        result.point().qps(),
        result.scanQps());
  }

  private void print(List<FilterSweep.Result> results) {
    out.printf(
        "%-7s %9s %10s %6s %8s %9s %9s %9s %9s %9s%n",
        "filter",
        "accepted",
        "rows",
        "ef",
        "recall",
        "qps",
        "times 1st",
        "scan qps",
        "gain",
        "lucene");
    double first = results.getFirst().point().qps();
    for (FilterSweep.Result result : results) {
      SearchTimer.Point point = result.point();
      out.printf(
          Locale.ROOT,
          "%-7s %7s %% %10d %6d %8.4f %9.0f %9.2f %9.0f %9.2f %9s%s%n",
          name(result.kind()),
          result.percent(),
          result.accepted(),
          point.ef(),
          point.recall(),
          point.qps(),
          point.qps() / first,
          result.scanQps(),
          point.qps() / result.scanQps(),
          result.lucene().map(this::cell).orElse("-"),
          point.recall() < recall ? "  the recall is not reached" : "");
    }
    out.printf(
        Locale.ROOT,
        "%nef: the smallest beam, by steps of a quarter, with recall %s of the nearest accepted"
            + " rows.%nqps: by CPU time of the one thread, best of %d passes. scan qps: with every"
            + " accepted row compared (recall 1).%ngain: qps by scan qps. lucene: its qps at its"
            + " smallest beam; (): the recall is not reached.%n",
        recall,
        options.runs());
  }

  private String cell(SearchTimer.Point point) {
    return String.format(Locale.ROOT, point.recall() < recall ? "(%.0f)" : "%.0f", point.qps());
  }

  private void write(JsonGenerator to, List<FilterSweep.Result> results) throws IOException {
    to.writeNumberField("seed", seed);
    to.writeNumberField("recall_wanted", recall);
    to.writeArrayFieldStart("filters");
    for (FilterSweep.Result result : results) {
      to.writeStartObject();
      to.writeStringField("filter", name(result.kind()));
      to.writeNumberField("accepted_percent", result.percent());
      to.writeNumberField("accepted", result.accepted());
      to.writeNumberField("ef", result.point().ef());
      to.writeNumberField("recall", result.point().recall());
      to.writeNumberField("qps", result.point().qps());
      to.writeNumberField("scan_qps", result.scanQps());
      if (result.lucene().isPresent()) {
        to.writeNumberField("lucene_ef", result.lucene().get().ef());
        to.writeNumberField("lucene_recall", result.lucene().get().recall());
        to.writeNumberField("lucene_qps", result.lucene().get().qps());
      }
      to.writeEndObject();
    }
    to.writeEndArray();
  }
}
