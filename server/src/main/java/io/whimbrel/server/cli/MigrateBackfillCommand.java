package io.whimbrel.server.cli;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.migration.BackfillSide;
import io.whimbrel.client.migration.BackfillStats;
import io.whimbrel.client.migration.BackfillWorker;
import io.whimbrel.client.migration.LeasedPoint;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.server.cli.files.PointReader;
import io.whimbrel.server.cli.files.ReadingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `migrate backfill`.
@Command(
    name = "backfill",
    description = {
      "Give the points of a migration their new vectors, from a file of vectors made elsewhere.",
      "",
      "Formats and ids as for `import`. A point that the file does not have becomes a dead letter;"
          + " `migrate dead-letters --retry` brings it back for another file. A point that has"
          + " changed since its vector was made cannot be told from the file: list the ids to embed"
          + " and embed them while the migration runs, or keep writers from changing texts"
          + " meanwhile. The file is held in memory."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel migrate backfill docs --vectors new.npy",
      "  whimbrel migrate backfill docs --vectors new.parquet --id-column url --threads 4",
      "  whimbrel migrate backfill docs --vectors new.jsonl --points-per-second 500"
    })
final class MigrateBackfillCommand implements Callable<Integer> {
  /// Numbers of all vectors together: 2 GiB.
  private static final long VALUES_MAX = 1L << 29;

  private final Session session;

  @Mixin private MigrationOption migration = new MigrationOption();

  @Option(
      names = "--vectors",
      required = true,
      paramLabel = "FILE",
      description = "fvecs, bvecs, f16vecs, npy, jsonl, ndjson or parquet.")
  private Path file = Path.of("");

  @Option(
      names = "--id-start",
      defaultValue = "0",
      paramLabel = "N",
      description = "Id of the first row where rows have no id. Default: ${DEFAULT-VALUE}")
  private long idStart;

  @Option(
      names = "--id-column",
      defaultValue = "",
      paramLabel = "NAME",
      description = "Parquet: column of ids. Default: id if there is one, otherwise row numbers")
  private String idColumn = "";

  @Option(
      names = "--vector-column",
      defaultValue = "",
      paramLabel = "NAME",
      description = "Parquet: column of vectors. Default: the only list of float or double")
  private String vectorColumn = "";

  @Option(
      names = "--threads",
      defaultValue = "2",
      paramLabel = "N",
      description = "Batches under way, 1 to 64. Default: ${DEFAULT-VALUE}")
  private int threads;

  @Option(
      names = "--points-per-second",
      defaultValue = "0",
      paramLabel = "X",
      description = "Never faster than this. Default: as fast as it goes")
  private double pointsPerSecond;

  @Option(
      names = "--reverse",
      description = "Fill the old version instead, so that going back loses nothing.")
  private boolean reverse;

  MigrateBackfillCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    try (WhimbrelClient client = session.connect()) {
      Migration now = client.migrations().get(migration.id(client));
      Map<PointId, float[]> vectors = read(now.field());
      long backlog = reverse ? now.reverseBacklog() : now.progress().backlog();
      BackfillStats stats;
      try (Progress progress =
          Progress.start(session, "backfill", OptionalLong.of(Math.max(1, backlog)))) {
        BackfillWorker worker =
            BackfillWorker.ofPoints(client, now.id(), points -> lookUp(vectors, points))
                .side(reverse ? BackfillSide.REVERSE : BackfillSide.FORWARD)
                .name("command line")
                .threads(threads)
                .pointsPerSecond(pointsPerSecond)
                .onProgress(done -> {
                  // Several threads report; the bar takes one at a time.
                  synchronized (progress) {
                    progress.at(done.stored());
                  }
                })
                .build();
        stats = worker.run();
      }
      print(client.migrations().get(now.id()), stats);
      return stats.deadLetters() > 0 ? Main.FAILED : Main.DONE;
    }
  }

  private static List<Optional<float[]>> lookUp(
      Map<PointId, float[]> vectors, List<LeasedPoint> points) {
    return points.stream().map(point -> Optional.ofNullable(vectors.get(point.id()))).toList();
  }

  private Map<PointId, float[]> read(String field) throws IOException {
    Map<PointId, float[]> vectors = new HashMap<>();
    long values = 0;
    ReadingOptions options =
        new ReadingOptions(field, idStart, idColumn, vectorColumn, Optional.empty());
    try (PointReader reader = PointReader.open(file, options)) {
      for (Optional<Point> point = reader.next(); point.isPresent(); point = reader.next()) {
        Vector vector = point.get().vectors().get(field);
        if (vector == null) {
          throw new IOException(
              file + ": point " + point.get().id() + " has no vector of field \"" + field + '"');
        }
        values += vector.values().length;
        if (values > VALUES_MAX) {
          throw WhimbrelException.refusal(
              ErrorCode.LIMIT_EXCEEDED,
              "--vectors",
              file + " has more than " + VALUES_MAX + " numbers",
              "a file to be held in memory; split it, and retry the dead letters with each part");
        }
        if (vectors.put(point.get().id(), vector.values()) != null) {
          throw new IOException(file + ": point " + point.get().id() + " is there twice");
        }
      }
    }
    return vectors;
  }

  private void print(Migration after, BackfillStats stats) throws IOException {
    if (session.json()) {
      session.printJson(json -> {
        json.writeNumberField("stored", stats.stored());
        json.writeNumberField("stale", stats.stale());
        json.writeNumberField("gone", stats.gone());
        json.writeNumberField("dead_letters", stats.deadLetters());
        json.writeObjectFieldStart("migration");
        MigrationReport.writeFields(json, after);
        json.writeEndObject();
      });
      return;
    }
    session
        .out()
        .println(
            stats.stored()
                + " vectors stored, "
                + stats.stale()
                + " points had changed and came again, "
                + stats.gone()
                + " were deleted, "
                + stats.deadLetters()
                + " are dead letters");
    MigrationReport.printText(session.out(), after);
  }
}
