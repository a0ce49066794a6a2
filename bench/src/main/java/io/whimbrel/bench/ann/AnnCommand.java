package io.whimbrel.bench.ann;

import io.whimbrel.bench.dataset.SearchOptions;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.bench.report.Plot;
import io.whimbrel.core.model.Storage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bench ann`.
@Command(
    name = "ann",
    description = {
      "Nearest-neighbour search: queries a second at equal recall, beside other indexes.",
      "",
      "Every system runs in a process of its own, pinned to the same CPU, one after the other:"
          + " builds its index once and answers all queries at growing ef. hnswlib and FAISS are"
          + " compiled on first use and left out where they are not installed (apt install g++"
          + " libhnswlib-dev libfaiss-dev libopenblas-dev)."
    },
    footer = {
      "",
      "Examples:",
      "  ./whimbrel bench ann",
      "  ./whimbrel bench ann --data DIR --metric cosine --plot picture.svg --json",
      "  ./whimbrel bench ann --data DIR --systems whimbrel,hnswlib --ef 32,64,128"
    },
    sortOptions = false)
public final class AnnCommand implements Callable<Integer> {
  private static final String HOME = System.getProperty("whimbrel.home", ".");
  private static final int THREADS_MAX = 256;

  /// A Java system gets this, or four times the vectors where that is more.
  private static final long HEAP_MIN_BYTES = 2L << 30;

  private final PrintStream out;
  private final PrintStream err;

  @Mixin private SearchOptions options = new SearchOptions();

  @Option(
      names = "--ef",
      split = ",",
      paramLabel = "N",
      description = "Beam widths. Default: from 10 up by a quarter each until recall 0.9995")
  private List<Integer> efs = List.of();

  @Option(
      names = "--storage",
      defaultValue = "float32",
      description =
          "float32 or int8, of whimbrel and flat; peers keep float32. Default: ${DEFAULT-VALUE}")
  private Storage storage = Storage.FLOAT32;

  @Option(
      names = "--systems",
      split = ",",
      paramLabel = "NAME",
      description = "Which, and in which order. Default: all: ${COMPLETION-CANDIDATES}")
  private List<AnnSystem> systems = List.of(AnnSystem.values());

  @Option(
      names = "--threads",
      defaultValue = "1",
      description = "Searching threads, a CPU each; builds have one. Default: ${DEFAULT-VALUE}")
  private int threads;

  @Option(names = "--plot", paramLabel = "FILE", description = "Write a picture (SVG).")
  private @Nullable Path plot;

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public AnnCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException {
    options.check();
    options.check("--threads", threads, 1, THREADS_MAX);
    int k = options.k();
    for (int ef : efs) {
      options.check("--ef", ef, k, Integer.MAX_VALUE);
    }
    SearchSet opened = options.open();
    Commands commands =
        new Commands(
            Path.of(HOME, "bench", "src", "main", "cpp"),
            Path.of(HOME, "bench", "target", "peers"),
            Commands.lastCpus(threads),
            heap(opened));
    AnnBenchmark.Parameters parameters =
        new AnnBenchmark.Parameters(
            options.m(),
            options.efConstruction(),
            storage,
            threads,
            options.runs(),
            new Sweep(efs, k));
    Watcher watcher = new Watcher();
    List<AnnBenchmark.Result> results =
        new AnnBenchmark(opened, parameters, commands, watcher).run(systems);
    AnnReport report =
        new AnnReport(
            Machine.here(Path.of(System.getProperty("java.io.tmpdir"))),
            commands.cpus(),
            commands.javaFlags(),
            options.command(),
            opened,
            parameters,
            results);
    report.print(out);
    if (plot != null) {
      Files.writeString(
          plot,
          Plot.svg(
              opened.name() + ", recall@" + k + ", " + opened.base().length + " rows",
              results.stream().map(AnnCommand::series).toList()));
    }
    if (json) {
      out.println(report.json());
    }
    return watcher.failures == 0 ? 0 : 1;
  }

  private static Plot.Series series(AnnBenchmark.Result result) {
    return new Plot.Series(
        result.system().key(),
        result.front().points().stream()
            .map(point -> new Plot.Point(point.recall(), point.qps()))
            .toList());
  }

  private static String heap(SearchSet data) {
    long vectors = (long) data.base().length * data.dimension() * Float.BYTES;
    return "-Xmx" + (Math.max(HEAP_MIN_BYTES, 4 * vectors) >> 20) + "m";
  }

  /// Shows what happens, since a run takes minutes.
  private final class Watcher implements AnnBenchmark.Watcher {
    private static final int PERCENT = 100;

    private final boolean terminal = Boolean.getBoolean("whimbrel.terminal");
    private @Nullable ProgressBar bar;
    private int failures;

    @Override
    public void building(AnnSystem system, double share) {
      if (!terminal) {
        return;
      }
      if (bar == null) {
        bar =
            new ProgressBarBuilder()
                .setTaskName(system.key() + ", build")
                .setInitialMax(PERCENT)
                .setConsumer(new ConsoleProgressBarConsumer(err, 100))
                .build();
      }
      bar.stepTo(Math.round(share * PERCENT));
    }

    private void endBar() {
      if (bar != null) {
        bar.close();
        bar = null;
      }
    }

    @Override
    public void built(AnnSystem system, PeerProcess.Built built) {
      endBar();
      err.printf(
          Locale.ROOT,
          "%s: built in %.1f CPU s, %.1f MB (resident set: %.1f MB more)%n",
          system.key(),
          built.cpuSeconds(),
          built.bytes() / 1e6,
          built.residentGrowth() / 1e6);
    }

    @Override
    public void measured(AnnSystem system, Front.Point point) {
      err.printf(
          Locale.ROOT,
          "%s: ef %d, recall %.5f, %.0f queries/s (wall %.0f)%n",
          system.key(),
          point.ef(),
          point.recall(),
          point.qps(),
          point.wallQps());
    }

    @Override
    public void skipped(AnnSystem system, String why) {
      err.println(system.key() + " is skipped: " + why);
    }

    @Override
    public void failed(AnnSystem system, String why) {
      endBar();
      failures++;
      err.println("error: " + system.key() + ": " + why);
    }
  }
}
