package io.whimbrel.bench.dataset;

import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The options of every benchmark of search in one process: what to search and what to build.
public final class SearchOptions {
  private static final int K_MAX = 10_000;
  private static final int RUNS_MAX = 1_000;
  private static final int M_MAX = 128;
  private static final int EF_CONSTRUCTION_MAX = 10_000;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with base and query (fvecs, f16vecs or bvecs) and groundtruth.ivecs. Default:"
              + " data/bigann10k-128")
  private Path data = Path.of(System.getProperty("whimbrel.home", "."), "data", "bigann10k-128");

  @Option(
      names = "--prefix",
      defaultValue = "",
      paramLabel = "TEXT",
      description = "What the names of the three files begin with, for example minilm-")
  private String prefix = "";

  @Option(
      names = "--metric",
      defaultValue = "l2",
      description = "l2, cosine or dot. Default: ${DEFAULT-VALUE}")
  private Metric metric = Metric.L2;

  @Option(names = "--k", defaultValue = "10", description = "Hits a query. Default: 10")
  private int k;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Only the first rows of the base; the exact answers are then computed")
  private long rows = Long.MAX_VALUE;

  @Option(
      names = "--m",
      defaultValue = "16",
      description = "Links a node; 2 * m on the bottom layer. Default: ${DEFAULT-VALUE}")
  private int m;

  @Option(
      names = "--ef-construction",
      defaultValue = "200",
      description = "Beam width of the build. Default: ${DEFAULT-VALUE}")
  private int efConstruction;

  @Option(
      names = "--runs",
      defaultValue = "3",
      description = "Passes over the queries, of which the fastest counts. Default: 3")
  private int runs;

  /// Refuses values out of range.
  public void check() {
    check("--k", k, 1, K_MAX);
    check("--m", m, 2, M_MAX);
    check("--ef-construction", efConstruction, 4, EF_CONSTRUCTION_MAX);
    check("--runs", runs, 1, RUNS_MAX);
    check("--rows", rows, k, Long.MAX_VALUE);
  }

  /// Refuses a value of an option that is out of range.
  public void check(String option, double value, double min, double max) {
    if (!(value >= min && value <= max)) {
      throw new ParameterException(
          spec.commandLine(),
          option
              + ": "
              + text(value)
              + " (expected: "
              + text(min)
              + (max >= Long.MAX_VALUE ? " or more)" : " to " + text(max) + ")"));
    }
  }

  private static String text(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }

  /// The data they name.
  public SearchSet open() throws IOException {
    return SearchSet.open(data, prefix, metric, rows, k);
  }

  /// Rows of the base in its file, also of which only the first are taken.
  public long fileRows() throws IOException {
    return VectorFile.count(VectorFile.find(data, prefix + "base"));
  }

  /// The command line that repeats the run.
  public String command() {
    return "./whimbrel bench "
        + String.join(" ", spec.commandLine().getParseResult().originalArgs());
  }

  public int k() {
    return k;
  }

  public int m() {
    return m;
  }

  public int efConstruction() {
    return efConstruction;
  }

  public IndexSpec.Hnsw graph() {
    return new IndexSpec.Hnsw(m, efConstruction);
  }

  public int runs() {
    return runs;
  }
}
