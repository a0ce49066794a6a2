package io.whimbrel.bench.ann;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.report.Directories;
import io.whimbrel.core.model.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/// Measures one system after the other on the same data.
final class AnnBenchmark {
  private final SearchSet data;
  private final Parameters parameters;
  private final Commands commands;
  private final Watcher watcher;

  AnnBenchmark(SearchSet data, Parameters parameters, Commands commands, Watcher watcher) {
    this.data = data;
    this.parameters = parameters;
    this.commands = commands;
    this.watcher = watcher;
  }

  /// How to build and how often to search.
  record Parameters(
      int m, int efConstruction, Storage storage, int threads, int runs, Sweep sweep) {}

  /// One system's figures.
  record Result(AnnSystem system, PeerProcess.Built built, List<Front.Point> points) {
    Front front() {
      return Front.of(points);
    }
  }

  /// Told of each step as it happens.
  interface Watcher {
    void building(AnnSystem system, double share);

    void built(AnnSystem system, PeerProcess.Built built);

    void measured(AnnSystem system, Front.Point point);

    /// It is left out, since it is not installed.
    void skipped(AnnSystem system, String why);

    /// It is left out, since it went wrong.
    void failed(AnnSystem system, String why);
  }

  /// Those that could run, in the order given.
  List<Result> run(List<AnnSystem> systems) throws IOException {
    Path work = Files.createTempDirectory("whimbrel-ann-");
    try {
      Path base = work.resolve("base.f32");
      Path queries = work.resolve("query.f32");
      data.write(data.base(), base);
      data.write(data.queries(), queries);
      List<Result> results = new ArrayList<>();
      for (AnnSystem system : systems) {
        try {
          results.add(measure(system, command(system, base, queries), work));
        } catch (Commands.Missing e) {
          watcher.skipped(system, String.valueOf(e.getMessage()));
        } catch (IOException e) {
          watcher.failed(system, String.valueOf(e.getMessage()));
        }
      }
      return results;
    } finally {
      Directories.removeAll(work);
    }
  }

  private List<String> command(AnnSystem system, Path base, Path queries)
      throws IOException, Commands.Missing {
    List<String> command = new ArrayList<>(commands.of(system));
    command.addAll(
        List.of(
            base.toString(),
            queries.toString(),
            Integer.toString(data.dimension()),
            data.metric().name().toLowerCase(Locale.ROOT),
            Integer.toString(parameters.m()),
            Integer.toString(parameters.efConstruction()),
            Integer.toString(parameters.threads())));
    if (system.kind() == AnnSystem.Kind.JAVA) {
      command.add(system.storage(parameters.storage()).name().toLowerCase(Locale.ROOT));
    }
    return command;
  }

  private Result measure(AnnSystem system, List<String> command, Path work) throws IOException {
    try (PeerProcess peer = PeerProcess.start(command, work)) {
      watcher.building(system, 0);
      PeerProcess.Built built = peer.build(share -> watcher.building(system, share));
      watcher.built(system, built);
      List<Front.Point> points = new ArrayList<>();
      Sweep sweep = parameters.sweep();
      OptionalInt ef = OptionalInt.of(sweep.first());
      while (ef.isPresent()) {
        Front.Point point = search(peer, ef.getAsInt());
        watcher.measured(system, point);
        points.add(point);
        ef = system.exact() ? OptionalInt.empty() : sweep.next(point.ef(), point.recall());
      }
      return new Result(system, built, points);
    }
  }

  private Front.Point search(PeerProcess peer, int ef) throws IOException {
    PeerProcess.Searched searched = peer.search(ef, data.truth().k(), parameters.runs());
    for (int id : searched.ids()) {
      if (id >= data.base().length) {
        throw new IOException(
            "it returned row " + id + " (expected: below " + data.base().length + ")");
      }
    }
    double recall = data.truth().recall(searched.ids());
    int queries = data.queries().length;
    double wallQps = queries / searched.wallSeconds();
    double qps = parameters.threads() == 1 ? queries / searched.cpuSeconds() : wallQps;
    return new Front.Point(ef, recall, qps, wallQps);
  }
}
