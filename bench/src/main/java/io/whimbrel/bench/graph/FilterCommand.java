package io.whimbrel.bench.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.SearchOptions;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.core.hnsw.HnswIndex;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bench filter`.
@Command(
    name = "filter",
    description = {
      "The graph under filters: queries a second at equal recall, for random filters that accept"
          + " more or fewer of the rows.",
      "",
      "Each filter is measured at the smallest beam that reaches the recall, beside no filter and"
          + " beside a scan of the accepted rows, by one thread."
    },
    footer = {
      "",
      "Examples:",
      "  ./whimbrel bench filter",
      "  ./whimbrel bench filter --data DIR --metric cosine --recall 0.99 --json",
      "  ./whimbrel bench filter --data DIR --accept 100,10,1"
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
    SearchSet data = options.open();
    err.println("building a graph of " + data.base().length + " rows");
    try (HnswIndex index = Graphs.build(data, options.graph())) {
      List<FilterSweep.Result> results =
          new FilterSweep(data, index, recall, options.runs(), seed).run(percents, this::watch);
      Report report = Report.of(options, data);
      report.header(out);
      print(results);
      if (json) {
        out.println(report.json("filter", to -> write(to, results)));
      }
    }
    return 0;
  }

  /// Shows what happens, since a run takes minutes.
  private void watch(FilterSweep.Result result) {
    err.printf(
        Locale.ROOT,
        "%s %%: ef %d, recall %.4f, %.0f queries/s, scan %.0f%n",
        result.percent(),
        result.point().ef(),
        result.point().recall(),
        result.point().qps(),
        result.scanQps());
  }

  private void print(List<FilterSweep.Result> results) {
    out.printf(
        "%9s %10s %6s %8s %9s %9s %9s %9s%n",
        "accepted", "rows", "ef", "recall", "qps", "times 1st", "scan qps", "gain");
    double first = results.getFirst().point().qps();
    for (FilterSweep.Result result : results) {
      SearchTimer.Point point = result.point();
      out.printf(
          Locale.ROOT,
          "%7s %% %10d %6d %8.4f %9.0f %9.2f %9.0f %9.2f%s%n",
          result.percent(),
          result.accepted(),
          point.ef(),
          point.recall(),
          point.qps(),
          point.qps() / first,
          result.scanQps(),
          point.qps() / result.scanQps(),
          point.recall() < recall ? "  the recall is not reached" : "");
    }
    out.printf(
        Locale.ROOT,
        "%nef: the smallest beam, by steps of a quarter, with recall %s of the nearest accepted"
            + " rows.%nqps: by CPU time of the one thread, best of %d passes. scan qps: with every"
            + " accepted row compared (recall 1).%ngain: qps by scan qps.%n",
        recall,
        options.runs());
  }

  private void write(JsonGenerator to, List<FilterSweep.Result> results) throws IOException {
    to.writeNumberField("seed", seed);
    to.writeNumberField("recall_wanted", recall);
    to.writeArrayFieldStart("filters");
    for (FilterSweep.Result result : results) {
      to.writeStartObject();
      to.writeNumberField("accepted_percent", result.percent());
      to.writeNumberField("accepted", result.accepted());
      to.writeNumberField("ef", result.point().ef());
      to.writeNumberField("recall", result.point().recall());
      to.writeNumberField("qps", result.point().qps());
      to.writeNumberField("scan_qps", result.scanQps());
      to.writeEndObject();
    }
    to.writeEndArray();
  }
}
