package io.whimbrel.bench.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.SearchOptions;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.core.model.Limits;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bench churn`.
@Command(
    name = "churn",
    description = {
      "The graph under updates: recall and speed beside a graph that never changed, what a remove"
          + " and an insert cost, and search latency while others write.",
      "",
      "An update removes a point and adds it with another vector. Both graphs hold the same"
          + " vectors at every step and are searched by turns, by one thread."
    },
    footer = {
      "",
      "Examples:",
      "  ./whimbrel bench churn",
      "  ./whimbrel bench churn --data DIR --metric cosine --ef 32,64,128 --replace 100 --json",
      "  ./whimbrel bench churn --data DIR --seconds 30 --writes 2000"
    },
    sortOptions = false)
public final class ChurnCommand implements Callable<Integer> {
  private static final int SECONDS_MAX = 3600;
  private static final int WRITES_MAX = 1_000_000;
  private static final double LATENCY_RECALL = 0.95;

  private final PrintStream out;
  private final PrintStream err;

  @Mixin private SearchOptions options = new SearchOptions();

  @Option(
      names = "--ef",
      split = ",",
      paramLabel = "N",
      description = "Beam widths. Default: 2, 4, 8 and 16 times k")
  private List<Integer> efs = List.of();

  @Option(
      names = "--replace",
      split = ",",
      defaultValue = "10,50,100",
      paramLabel = "PERCENT",
      description = "Shares of the points updated since the build, growing. Default: 10,50,100")
  private List<Double> percents = List.of();

  @Option(
      names = "--seconds",
      defaultValue = "5",
      description =
          "Length of each latency run, one quiet and one with a writing and a linking thread. 0:"
              + " none. Default: ${DEFAULT-VALUE}")
  private int seconds;

  @Option(
      names = "--writes",
      defaultValue = "1000",
      description = "Updates a second the writer tries to reach. Default: ${DEFAULT-VALUE}")
  private int writes;

  @Option(
      names = "--seed",
      defaultValue = "1",
      description = "Of the order of the updates. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public ChurnCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    check();
    SearchSet data = options.open();
    List<Integer> widths = efs.isEmpty() ? defaultEfs() : efs;
    err.println("building two graphs of " + data.base().length + " rows");
    try (Churn churn = new Churn(data, options.graph(), widths, options.runs(), seed)) {
      List<Churn.Step> steps = churn.run(percents, this::watch);
      Map<String, LatencyRun.Latency> latencies = latencies(churn, steps.getLast());
      Report report = Report.of(options, data);
      report.header(out);
      print(steps);
      print(latencies);
      if (json) {
        out.println(report.json("churn", to -> write(to, steps, latencies)));
      }
    }
    return 0;
  }

  private void check() {
    options.check();
    for (int ef : efs) {
      options.check("--ef", ef, options.k(), Limits.EF_MAX);
    }
    double last = 0;
    for (double percent : percents) {
      options.check("--replace", percent, last, 100);
      last = percent;
    }
    options.check("--seconds", seconds, 0, SECONDS_MAX);
    options.check("--writes", writes, 1, WRITES_MAX);
  }

  private List<Integer> defaultEfs() {
    return List.of(2, 4, 8, 16).stream()
        .map(times -> Math.min(Limits.EF_MAX, times * options.k()))
        .distinct()
        .toList();
  }

  /// At the smallest beam that is good enough in the fresh graph.
  private Map<String, LatencyRun.Latency> latencies(Churn churn, Churn.Step last)
      throws IOException, InterruptedException {
    Map<String, LatencyRun.Latency> latencies = new LinkedHashMap<>();
    if (seconds == 0) {
      return latencies;
    }
    int ef =
        last.pairs().stream()
            .map(Churn.Pair::fresh)
            .filter(point -> point.recall() >= LATENCY_RECALL)
            .findFirst()
            .orElse(last.pairs().getLast().fresh())
            .ef();
    LatencyRun run = churn.latencies(ef);
    Duration length = Duration.ofSeconds(seconds);
    latencies.put("quiet", run.quiet(length));
    latencies.put("writing", run.writing(length, writes));
    return latencies;
  }

  /// Shows what happens, since a run takes minutes.
  private void watch(Churn.Step step) {
    Churn.Pair last = step.pairs().getLast();
    err.printf(
        Locale.ROOT,
        "%s %% updated: ef %d, recall %.4f (fresh %.4f), %.0f queries/s (fresh %.0f)%n",
        step.percent(),
        last.changed().ef(),
        last.changed().recall(),
        last.fresh().recall(),
        last.changed().qps(),
        last.fresh().qps());
  }

  private void print(List<Churn.Step> steps) {
    out.printf(
        "%8s %10s %10s %9s %9s %8s %6s %8s %8s %8s %8s %6s%n",
        "updated",
        "rows",
        "live",
        "remove us",
        "insert us",
        "MB",
        "ef",
        "recall",
        "fresh",
        "qps",
        "fresh",
        "ratio");
    for (Churn.Step step : steps) {
      String head =
          String.format(
              Locale.ROOT,
              "%6.1f %% %10d %10d %9.1f %9.1f %8.1f",
              step.percent(),
              step.rows(),
              step.live(),
              step.removeMicros(),
              step.insertMicros(),
              step.bytes() / 1e6);
      for (Churn.Pair pair : step.pairs()) {
        out.printf(
            Locale.ROOT,
            "%s %6d %8.4f %8.4f %8.0f %8.0f %6.2f%n",
            head,
            pair.changed().ef(),
            pair.changed().recall(),
            pair.fresh().recall(),
            pair.changed().qps(),
            pair.fresh().qps(),
            pair.changed().qps() / pair.fresh().qps());
        head = " ".repeat(head.length());
      }
    }
    out.printf(
        "%nupdated: share of the points since the build. rows: one above the largest ordinal;"
            + " live: points.%nremove, insert us: CPU time a point of this step, mending and"
            + " linking included.%nfresh: a graph built once from the same vectors. qps: by CPU"
            + " time of the one thread, best of %d passes.%n",
        options.runs());
  }

  private void print(Map<String, LatencyRun.Latency> latencies) {
    if (latencies.isEmpty()) {
      return;
    }
    out.printf(
        "%n%-8s %6s %10s %9s %9s %10s %8s%n",
        "latency", "ef", "searches", "p50 us", "p99 us", "updates/s", "pending");
    latencies.forEach((name, latency) ->
        out.printf(
            Locale.ROOT,
            "%-8s %6d %10d %9.0f %9.0f %10.0f %8d%n",
            name,
            latency.ef(),
            latency.searches(),
            latency.p50Micros(),
            latency.p99Micros(),
            latency.updates(),
            latency.pending()));
    out.printf(
        "%nlatency: wall time of one searching thread in the updated graph; writing: beside a"
            + " writer and a linking%nthread. pending: rows not linked at the end.%n");
  }

  private void write(
      JsonGenerator to, List<Churn.Step> steps, Map<String, LatencyRun.Latency> latencies)
      throws IOException {
    to.writeNumberField("seed", seed);
    to.writeArrayFieldStart("steps");
    for (Churn.Step step : steps) {
      to.writeStartObject();
      to.writeNumberField("updated_percent", step.percent());
      to.writeNumberField("updates", step.updates());
      to.writeNumberField("remove_us", step.removeMicros());
      to.writeNumberField("insert_us", step.insertMicros());
      to.writeNumberField("rows", step.rows());
      to.writeNumberField("live", step.live());
      to.writeNumberField("resident_bytes", step.bytes());
      to.writeArrayFieldStart("points");
      for (Churn.Pair pair : step.pairs()) {
        to.writeStartObject();
        to.writeNumberField("ef", pair.changed().ef());
        to.writeNumberField("recall", pair.changed().recall());
        to.writeNumberField("fresh_recall", pair.fresh().recall());
        to.writeNumberField("qps", pair.changed().qps());
        to.writeNumberField("fresh_qps", pair.fresh().qps());
        to.writeEndObject();
      }
      to.writeEndArray();
      to.writeEndObject();
    }
    to.writeEndArray();
    to.writeObjectFieldStart("latency");
    for (Map.Entry<String, LatencyRun.Latency> entry : latencies.entrySet()) {
      LatencyRun.Latency latency = entry.getValue();
      to.writeObjectFieldStart(entry.getKey());
      to.writeNumberField("ef", latency.ef());
      to.writeNumberField("searches", latency.searches());
      to.writeNumberField("p50_us", latency.p50Micros());
      to.writeNumberField("p99_us", latency.p99Micros());
      to.writeNumberField("updates_per_second", latency.updates());
      to.writeNumberField("pending", latency.pending());
      to.writeEndObject();
    }
    to.writeEndObject();
  }
}
