package io.whimbrel.bench.workload;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.Rows;
import io.whimbrel.bench.report.Directories;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `bench migration`.
@Command(
    name = "migration",
    description = {
      "A migration on a real server: search latency beside a backfill, and the speed of each step.",
      "",
      "One client searches at a fixed pace, alone and then beside a backfill under a throttle; the"
          + " rest of the backfill runs without one; the versions are compared, all reads are moved"
          + " and the old version is dropped. Server and clients share this machine."
    },
    footer = {
      "",
      "Examples:",
      "  ./whimbrel bench migration",
      "  ./whimbrel bench migration --data DIR --metric cosine --points 200000 --json",
      "  ./whimbrel bench migration --dimension 768 --points 50000 --throttle 2000 --seconds 20"
    },
    sortOptions = false)
public final class MigrationCommand implements Callable<Integer> {
  private static final String HOME = System.getProperty("whimbrel.home", ".");
  private static final int DIMENSION_MAX = 4_096;
  private static final long POINTS_MAX = 100_000_000;
  private static final int SECONDS_MAX = 3_600;
  private static final int SEARCHES_PER_SECOND_MAX = 10_000;
  private static final int THREADS_MAX = 64;
  private static final int BATCH_MAX = 1_000;
  private static final int DRAWN_QUERIES = 1_000;

  /// Of the measured time, before it.
  private static final double WARM_UP_SHARE = 0.5;

  /// Of the points, filled in under the throttle unless that is given.
  private static final double THROTTLED_SHARE = 0.5;

  /// Of the searches that are due.
  private static final double PACE_HELD_SHARE = 0.95;

  private final PrintStream out;
  private final PrintStream err;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with base and query (fvecs, f16vecs or bvecs). Default: data/bigann10k-128")
  private Path data = Path.of(HOME, "data", "bigann10k-128");

  @Option(
      names = "--dimension",
      paramLabel = "D",
      description = "Draw vectors of this dimension at random instead of reading --data")
  private @Nullable Integer dimension;

  @Option(
      names = "--points",
      defaultValue = "30000",
      paramLabel = "N",
      description =
          "The rows are repeated, with a little seeded noise, up to this many. Default:"
              + " ${DEFAULT-VALUE}")
  private long points;

  @Option(
      names = "--seed",
      defaultValue = "1",
      paramLabel = "N",
      description = "Seed of the noise and of drawn vectors. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(
      names = "--metric",
      defaultValue = "l2",
      description = "l2, cosine or dot. Default: ${DEFAULT-VALUE}")
  private Metric metric = Metric.L2;

  @Option(names = "--m", defaultValue = "16", description = "Of the graph. Default: 16")
  private int m;

  @Option(
      names = "--ef-construction",
      defaultValue = "200",
      description = "Of the graph. Default: 200")
  private int efConstruction;

  @Option(
      names = "--searches-per-second",
      defaultValue = "200",
      paramLabel = "N",
      description = "Pace of the searcher. Default: ${DEFAULT-VALUE}")
  private int searchesPerSecond;

  @Option(
      names = "--throttle",
      paramLabel = "N",
      description = "Points a second while it searches. Default: half of the points in --seconds")
  private @Nullable Double throttle;

  @Option(
      names = "--search-p99-max",
      defaultValue = "1.2",
      paramLabel = "TIMES",
      description =
          "The throttle's limit of the search p99, in p99s without a backfill by the server's"
              + " clock. Default: ${DEFAULT-VALUE}")
  private double limitTimes;

  @Option(
      names = "--threads",
      defaultValue = "2",
      description = "Of the backfill worker. Default: ${DEFAULT-VALUE}")
  private int threads;

  @Option(
      names = "--batch",
      defaultValue = "64",
      paramLabel = "N",
      description = "Points in a batch of the worker. Default: ${DEFAULT-VALUE}")
  private int batch;

  @Option(
      names = "--seconds",
      defaultValue = "10",
      description = "Measured searches, alone and under the throttle. Default: ${DEFAULT-VALUE}")
  private int seconds;

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description = "Where to put the database. Default: the system's temporary directory")
  private Path work = Path.of(System.getProperty("java.io.tmpdir"));

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public MigrationCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    measure(List.of(Path.of(HOME, "whimbrel").toString(), "serve"));
    return 0;
  }

  private void check(String option, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw new ParameterException(
          spec.commandLine(),
          String.format(Locale.ROOT, "%s: %s (expected: %.0f to %.0f)", option, value, min, max));
    }
  }

  private double throttle() {
    return throttle == null ? points * THROTTLED_SHARE / seconds : throttle;
  }

  private void check() {
    check("--points", points, 10, POINTS_MAX);
    check("--searches-per-second", searchesPerSecond, 1, SEARCHES_PER_SECOND_MAX);
    check("--threads", threads, 1, THREADS_MAX);
    check("--batch", batch, 1, BATCH_MAX);
    check("--seconds", seconds, 1, SECONDS_MAX);
    check("--search-p99-max", limitTimes, 1, 1_000);
    if (dimension != null) {
      check("--dimension", dimension, 1, DIMENSION_MAX);
    }
    if (!(throttle() >= 1 && throttle() * seconds < points)) {
      throw new ParameterException(
          spec.commandLine(),
          String.format(
              Locale.ROOT,
              "--throttle: %s (expected: at least 1, and less than %d points in %d s)",
              throttle(),
              points,
              seconds));
    }
  }

  /// Runs the workload with a server started by `command`, and prints its results.
  void measure(List<String> command) throws IOException, InterruptedException {
    check();
    Machine machine = Machine.here(work);
    Rows rows =
        dimension == null ? Rows.open(data, points, seed) : Rows.draw(dimension, points, seed);
    Rows queries =
        dimension == null ? Rows.openQueries(data) : Rows.draw(dimension, DRAWN_QUERIES, ~seed);
    MigrationRun.Plan plan =
        new MigrationRun.Plan(
            metric,
            new IndexSpec.Hnsw(m, efConstruction),
            searchesPerSecond,
            throttle(),
            limitTimes,
            threads,
            batch,
            Duration.ofMillis((long) (seconds * 1_000 * WARM_UP_SHARE)),
            Duration.ofSeconds(seconds));
    Path directory = Files.createTempDirectory(work, "migration-");
    try {
      MigrationRun.Result result =
          new MigrationRun(rows, queries, plan, directory, err).run(command);
      print(machine, rows, plan, result);
      if (json) {
        out.println(json(machine, rows, plan, result));
      }
    } finally {
      Directories.removeAll(directory);
    }
  }

  private String source() {
    return dimension == null ? String.valueOf(data.getFileName()) : "drawn";
  }

  private void print(
      Machine machine, Rows rows, MigrationRun.Plan plan, MigrationRun.Result result) {
    out.printf(
        Locale.ROOT,
        "%s, %d processors, %s%n%s%ndatabase on %s in %s%n%d points of dimension %d from %s, seed"
            + " %d, %s, %s%n%d searches/s by one client, k 10; a worker of %d threads, batches of"
            + " %d%n%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        machine.disk(),
        work,
        rows.count(),
        rows.dimension(),
        source(),
        seed,
        metric,
        plan.index(),
        searchesPerSecond,
        threads,
        batch);
    MigrationRun.Latency quiet = result.quiet();
    MigrationRun.Latency throttled = result.throttled();
    out.printf("%-26s %10s %8s %8s%n", "search", "searches", "p50 ms", "p99 ms");
    line("alone", quiet);
    line("beside the backfill", throttled);
    out.printf(
        Locale.ROOT,
        "%-26s %10s %8.2f %8.2f%n%n",
        "  times alone",
        "",
        result.p50Ratio(),
        result.p99Ratio());
    if (Math.min(quiet.searches(), throttled.searches())
        < PACE_HELD_SHARE * searchesPerSecond * seconds) {
      out.printf(
          "The pace was not held: searches waited for each other, and that is in the times.%n%n");
    }
    line("throttle", plan.throttle(), "points/s");
    line("  backfill under it", result.throttledRate(), "points/s");
    line("  its limit of the p99", result.limitMillis(), "ms");
    line("  held by that limit", 100 * result.heldShare(), "% of looks");
    line("backfill without", result.rate(), "points/s");
    line("  linked after it", result.linkSeconds(), "s");
    line("verify", result.verifyRate(), "points/s");
    line("old version before", result.rangeBytesBefore() / 1e6, "MB");
    line("  after complete", result.rangeBytesAfter() / 1e6, "MB");
    line("  given back after", result.reclaimSeconds(), "s");
    line("disk before complete", result.diskBytesBefore() / 1e6, "MB");
    line("  after", result.diskBytesAfter() / 1e6, "MB");
  }

  private void line(String what, MigrationRun.Latency latency) {
    out.printf(
        Locale.ROOT,
        "%-26s %10d %8.2f %8.2f%n",
        what,
        latency.searches(),
        latency.p50Millis(),
        latency.p99Millis());
  }

  private void line(String what, double value, String unit) {
    out.printf(Locale.ROOT, "%-26s %12.2f %s%n", what, value, unit);
  }

  private String json(
      Machine machine, Rows rows, MigrationRun.Plan plan, MigrationRun.Result result)
      throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", "migration");
      to.writeStringField("cpu", machine.cpu());
      to.writeNumberField("processors", machine.processors());
      to.writeStringField("system", machine.system());
      to.writeStringField("jdk", machine.jdk());
      to.writeStringField("file_system", machine.disk());
      to.writeStringField("data", source());
      to.writeNumberField("points", rows.count());
      to.writeNumberField("dimension", rows.dimension());
      to.writeNumberField("seed", seed);
      to.writeStringField("metric", metric.name().toLowerCase(Locale.ROOT));
      to.writeNumberField("m", m);
      to.writeNumberField("ef_construction", efConstruction);
      to.writeNumberField("seconds", seconds);
      to.writeNumberField("searches_per_second", searchesPerSecond);
      to.writeNumberField("threads", threads);
      to.writeNumberField("batch", batch);
      to.writeNumberField("searches", result.quiet().searches());
      to.writeNumberField("p50_ms", result.quiet().p50Millis());
      to.writeNumberField("p99_ms", result.quiet().p99Millis());
      to.writeNumberField("throttled_searches", result.throttled().searches());
      to.writeNumberField("throttle_points_per_second", plan.throttle());
      to.writeNumberField("throttle_p99_ms", result.limitMillis());
      to.writeNumberField("throttled_p50_ms", result.throttled().p50Millis());
      to.writeNumberField("throttled_p99_ms", result.throttled().p99Millis());
      to.writeNumberField("throttled_p50_times", result.p50Ratio());
      to.writeNumberField("throttled_p99_times", result.p99Ratio());
      to.writeNumberField("throttled_points_per_second", result.throttledRate());
      to.writeNumberField("held_by_p99_share", result.heldShare());
      to.writeNumberField("backfill_points", result.points());
      to.writeNumberField("backfill_points_per_second", result.rate());
      to.writeNumberField("link_seconds", result.linkSeconds());
      to.writeNumberField("verify_points_per_second", result.verifyRate());
      to.writeNumberField("reclaim_seconds", result.reclaimSeconds());
      to.writeNumberField("old_version_bytes", result.rangeBytesBefore());
      to.writeNumberField("old_version_bytes_after", result.rangeBytesAfter());
      to.writeNumberField("disk_bytes", result.diskBytesBefore());
      to.writeNumberField("disk_bytes_after", result.diskBytesAfter());
      to.writeEndObject();
    }
    return text.toString();
  }
}
