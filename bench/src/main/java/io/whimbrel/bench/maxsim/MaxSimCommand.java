package io.whimbrel.bench.maxsim;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.maxsim.MaxSimRun.Result;
import io.whimbrel.bench.report.Machine;
import io.whimbrel.bench.report.Plot;
import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.maxsim.MaxSimIndex;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `bench maxsim`.
@Command(
    name = "maxsim",
    description = {
      "Late interaction: recall and time of the cascade beside exhaustive MaxSim over signs and"
          + " over tokens of one byte a value.",
      "",
      "Sets: stored (the documents of --tokens), near-duplicates (made from their tokens, about a"
          + " hundred of each), clustered (made from a vocabulary of token directions, whose mean"
          + " cosine with their centroids is about that of tokens of text), diffuse (of five times"
          + " as many directions, too many for the centroids), drift (clustered: centroids fitted"
          + " on one vocabulary, then as many documents of another)."
    },
    footer = {
      "",
      "Examples:",
      "  ./whimbrel bench maxsim --set clustered",
      "  ./whimbrel bench maxsim --tokens DIR --plot picture.svg --json"
    },
    sortOptions = false)
public final class MaxSimCommand implements Callable<Integer> {
  private static final int DIMENSION = 128;
  private static final int CLUSTERED = 30_000;
  private static final int NEAR_DUPLICATES = 50_000;
  private static final int DRIFT = 10_000;
  private static final int DIRECTIONS = 4_000;
  private static final int DIFFUSE_DIRECTIONS = 20_000;
  private static final double NOISE = 0.6;
  private static final int DOCUMENTS_MAX = 1_000_000;

  private final PrintStream out;
  private final PrintStream err;

  @Spec private CommandSpec spec = CommandSpec.create();

  /// What can be measured.
  enum Set {
    STORED,
    NEAR_DUPLICATES,
    CLUSTERED,
    DIFFUSE,
    DRIFT
  }

  @Option(
      names = "--set",
      split = ",",
      paramLabel = "SET",
      description =
          "stored, near_duplicates, clustered, diffuse, drift; the first two need --tokens."
              + " Default: all that can be made")
  private List<Set> sets = List.of();

  @Option(
      names = "--tokens",
      paramLabel = "DIR",
      description =
          "Folder with doc_tokens.f16 (128 values a token), doclens.txt and query_tokens.f32 (32"
              + " tokens a query)")
  private @Nullable Path tokens;

  @Option(
      names = "--documents",
      defaultValue = "0",
      paramLabel = "N",
      description =
          "Documents of a made set. Default: 50,000 near duplicates, 30,000 clustered or diffuse,"
              + " 10,000 of each vocabulary for drift")
  private int documents;

  @Option(
      names = "--queries",
      defaultValue = "100",
      paramLabel = "N",
      description = "Queries of a clustered set. Default: ${DEFAULT-VALUE}")
  private int queries;

  @Option(
      names = "--centroids",
      defaultValue = "4096",
      paramLabel = "N",
      description = "Default: ${DEFAULT-VALUE}")
  private int centroids;

  @Option(
      names = "--k",
      defaultValue = "10",
      paramLabel = "N",
      description = "Hits. Default: ${DEFAULT-VALUE}")
  private int k;

  @Option(
      names = "--runs",
      defaultValue = "3",
      paramLabel = "N",
      description =
          "Passes over the queries; each counts with its fastest. Default: ${DEFAULT-VALUE}")
  private int runs;

  @Option(
      names = "--seed",
      defaultValue = "11",
      paramLabel = "N",
      description = "Of the made sets. Default: ${DEFAULT-VALUE}")
  private long seed;

  @Option(names = "--plot", paramLabel = "FILE", description = "Write a picture (SVG).")
  private @Nullable Path plot;

  @Option(names = "--json", description = "Print the results as one JSON document, last.")
  private boolean json;

  public MaxSimCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  /// One set, measured.
  private record Measured(
      String set,
      int documents,
      long tokens,
      double workSeconds,
      MaxSimIndex.Centroids centroids,
      double hotBytes,
      double tokenBytes,
      List<Result> results) {}

  @Override
  public Integer call() throws IOException {
    check("--documents", documents, 0, DOCUMENTS_MAX);
    check("--queries", queries, 1, 10_000);
    check("--centroids", centroids, 1, 65_536);
    check("--k", k, 1, 1000);
    check("--runs", runs, 1, 1000);
    Kernels kernels = KernelProvider.best();
    TokenData.Stored stored = tokens == null ? null : TokenData.Stored.read(tokens);
    Machine machine = Machine.here(Path.of(System.getProperty("java.io.tmpdir")));
    out.printf(
        "%s, %d processors, %s%n%s %s%nkernels: %s; one thread, its CPU time%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        String.join(" ", machine.flags()),
        kernels.describe());
    List<Measured> all = new ArrayList<>();
    for (Set set : wanted(stored)) {
      all.addAll(measure(set, stored, kernels));
    }
    if (plot != null) {
      Files.writeString(plot, picture(all));
    }
    if (json) {
      out.println(json(machine, kernels, all));
    }
    return 0;
  }

  private void check(String option, long value, long min, long max) {
    if (value < min || value > max) {
      throw new ParameterException(
          spec.commandLine(), option + ": " + value + " (expected: " + min + " to " + max + ")");
    }
  }

  private List<Set> wanted(TokenData.@Nullable Stored stored) {
    if (sets.isEmpty()) {
      return stored == null
          ? List.of(Set.CLUSTERED, Set.DIFFUSE, Set.DRIFT)
          : List.of(Set.values());
    }
    for (Set set : sets) {
      if (stored == null && (set == Set.STORED || set == Set.NEAR_DUPLICATES)) {
        throw new ParameterException(
            spec.commandLine(), "--tokens is missing (expected: a folder, for --set " + set + ")");
      }
    }
    return sets;
  }

  private int count(int normal) {
    return documents == 0 ? normal : documents;
  }

  private List<Measured> measure(Set set, TokenData.@Nullable Stored stored, Kernels kernels) {
    return switch (set) {
      case STORED -> List.of(measure(present(stored), kernels));
      case NEAR_DUPLICATES ->
          List.of(
              measure(
                  new TokenData.NearDuplicates(present(stored), count(NEAR_DUPLICATES), seed),
                  kernels));
      case CLUSTERED -> List.of(measure(clustered(count(CLUSTERED), 1), kernels));
      case DIFFUSE ->
          List.of(measure(made("diffuse", count(CLUSTERED), DIFFUSE_DIRECTIONS, 4), kernels));
      case DRIFT -> drift(kernels);
    };
  }

  private static TokenData.Stored present(TokenData.@Nullable Stored stored) {
    if (stored == null) {
      throw new IllegalStateException("stored: missing (expected: checked before)");
    }
    return stored;
  }

  private TokenData clustered(int count, int vocabulary) {
    return made("clustered", count, DIRECTIONS, vocabulary);
  }

  private TokenData made(String name, int count, int directions, int vocabulary) {
    return new TokenData.Clustered(
        name, DIMENSION, count, queries, directions, NOISE, vocabulary, seed + vocabulary);
  }

  private Measured measure(TokenData data, Kernels kernels) {
    err.println("making " + data.count() + " documents of " + data.name());
    try (MaxSimRun run = new MaxSimRun(data.dimension(), data.queries(), k, centroids, kernels)) {
      run.add(data);
      run.settle();
      err.println("fitting and encoding " + run.tokens() + " tokens");
      double seconds = run.work();
      int n = run.documents();
      MultiVectorParams standard = MultiVectorParams.of(k);
      int shortlist = standard.shortlistWanted(n);
      List<Result> results = new ArrayList<>();
      // The first passes also compile.
      Result exact = run.measure("all tokens", standard.withExact(true), 1);
      run.measure("warm-up", standard, 1);
      results.add(run.measure("cascade", standard, runs));
      for (double share : new double[] {0.1, 0.25, 0.5, 2, 4}) {
        int size = Math.max(k, (int) (share * shortlist));
        int candidates = Math.max(k, (int) (share * standard.candidatesWanted()));
        results.add(
            run.measure(
                "cascade " + size + " " + candidates, standard.withSizes(size, candidates), runs));
      }
      results.add(run.measure("all signs", standard.withSizes(n, 0), 1));
      results.add(exact);
      if (n <= Limits.SHORTLIST_MAX) {
        results.add(run.measure("all candidates", standard.withSizes(n, n), 1));
      }
      return print(measured(data.name(), run, seconds, results));
    }
  }

  private static Measured measured(
      String name, MaxSimRun run, double seconds, List<Result> results) {
    return new Measured(
        name,
        run.documents(),
        run.tokens(),
        seconds,
        run.index.centroids(),
        (double) run.index.hotBytes() / run.documents(),
        (double) run.index.tokenBytes() / run.documents(),
        results);
  }

  private List<Measured> drift(Kernels kernels) {
    int count = count(DRIFT);
    TokenData first = clustered(count, 2);
    TokenData second = clustered(count, 3);
    err.println("making " + count + " documents of one vocabulary, then of another");
    MultiVectorParams standard = MultiVectorParams.of(k);
    try (MaxSimRun run = new MaxSimRun(DIMENSION, second.queries(), k, centroids, kernels)) {
      run.add(first);
      run.work();
      run.add(second);
      run.settle();
      run.encode();
      List<Measured> all = new ArrayList<>();
      run.measure("all tokens", standard.withExact(true), 1);
      run.measure("warm-up", standard, 1);
      all.add(
          print(
              measured(
                  "drift, before the fit",
                  run,
                  0,
                  List.of(run.measure("cascade", standard, runs)))));
      double seconds = run.work();
      all.add(
          print(
              measured(
                  "drift, after the fit",
                  run,
                  seconds,
                  List.of(run.measure("cascade", standard, runs)))));
      return all;
    }
  }

  private Measured print(Measured measured) {
    MaxSimIndex.Centroids state = measured.centroids();
    out.printf(
        Locale.ROOT,
        "%n%s: %d documents, %d tokens, k %d; %.0f bytes a document for every search, %.0f of"
            + " tokens%ncentroids: %d, generation %d, mean cosine %.3f, of new documents %.3f;"
            + " %.1f s of work%n%-24s %8s %8s %9s %9s %9s%n",
        measured.set(),
        measured.documents(),
        measured.tokens(),
        k,
        measured.hotBytes(),
        measured.tokenBytes(),
        centroids,
        state.generation(),
        state.meanCosine(),
        state.recentCosine(),
        measured.workSeconds(),
        "",
        "recall",
        "of exact",
        "p50 ms",
        "p99 ms",
        "qps");
    for (Result result : measured.results()) {
      out.printf(
          Locale.ROOT,
          "%-24s %8.4f %8.4f %9.2f %9.2f %9.1f%n",
          result.name(),
          result.recall(),
          result.ofExact(),
          result.p50Millis(),
          result.p99Millis(),
          result.qps());
    }
    return measured;
  }

  private String picture(List<Measured> all) {
    List<Plot.Series> series = new ArrayList<>();
    for (Measured measured : all) {
      if (measured.results().size() > 1) {
        series.add(line(measured.set(), measured, "cascade"));
        series.add(line("all signs", measured, "all signs"));
        series.add(line("all tokens", measured, "all tokens"));
      }
    }
    return Plot.svg("MaxSim, recall@" + k + ", one thread", series);
  }

  private static Plot.Series line(String name, Measured measured, String prefix) {
    return new Plot.Series(
        name,
        measured.results().stream()
            .filter(result -> result.name().startsWith(prefix))
            .map(result -> new Plot.Point(result.recall(), result.qps()))
            .sorted(Comparator.comparingDouble(Plot.Point::qps).reversed())
            .toList());
  }

  private String json(Machine machine, Kernels kernels, List<Measured> all) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", "maxsim");
      to.writeStringField("cpu", machine.cpu());
      to.writeStringField("jdk", machine.jdk());
      to.writeStringField("kernels", kernels.describe());
      to.writeNumberField("k", k);
      to.writeNumberField("centroids", centroids);
      to.writeNumberField("seed", seed);
      to.writeArrayFieldStart("sets");
      for (Measured measured : all) {
        to.writeStartObject();
        to.writeStringField("set", measured.set());
        to.writeNumberField("documents", measured.documents());
        to.writeNumberField("tokens", measured.tokens());
        to.writeNumberField("work_seconds", measured.workSeconds());
        to.writeNumberField("generation", measured.centroids().generation());
        to.writeNumberField("hot_bytes_per_document", measured.hotBytes());
        to.writeNumberField("token_bytes_per_document", measured.tokenBytes());
        to.writeArrayFieldStart("results");
        for (Result result : measured.results()) {
          to.writeStartObject();
          to.writeStringField("search", result.name());
          to.writeNumberField("recall", result.recall());
          to.writeNumberField("of_exact", result.ofExact());
          to.writeNumberField("p50_ms", result.p50Millis());
          to.writeNumberField("p99_ms", result.p99Millis());
          to.writeNumberField("qps", result.qps());
          to.writeEndObject();
        }
        to.writeEndArray();
        to.writeEndObject();
      }
      to.writeEndArray();
      to.writeEndObject();
    }
    return text.toString();
  }
}
