package io.whimbrel.server.cli;

import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.Durability;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Point;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.arrow.UploadOptions;
import io.whimbrel.server.cli.files.PointReader;
import io.whimbrel.server.cli.files.ReadingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `import`.
@Command(
    name = "import",
    description = {
      "Write the points of a file into a collection.",
      "",
      "Formats, by the ending of the name: fvecs, bvecs, f16vecs, npy (rows become points without"
          + " payload, ids count up from --id-start); jsonl or ndjson (one point a line); parquet"
          + " (one row a point; a list of lists of numbers is a matrix, for fields of many vectors"
          + " a point).",
      "A line: {\"id\": 7, \"vector\": [0.1, 0.2], \"payload\": {\"title\": \"a\"}}; \"vectors\":"
          + " {\"FIELD\": [...]} for named fields.",
      "The import ends at the first row that is malformed or refused; points before it stay"
          + " written."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel import base.fvecs -c images --create --metric l2 --index hnsw",
      "  whimbrel import docs.jsonl -c docs --create --metric cosine",
      "  whimbrel import docs.parquet -c docs --id-column url --vector-column embedding",
      "  whimbrel import tokens.npy --lengths tokens.txt -c passages --create --index multi_vector"
    })
final class ImportCommand implements Callable<Integer> {
  private static final int POINTS_BETWEEN_LOOKS = 256;

  private final Session session;

  @Spec private CommandSpec commandSpec = CommandSpec.create();

  @Parameters(paramLabel = "FILE", description = "What to import.")
  private Path file = Path.of("");

  @Mixin private CollectionOption collection = new CollectionOption();

  @Option(
      names = "--create",
      description =
          "Make the collection first if there is none; dimensions come from the first row.")
  private boolean create;

  @Mixin private SpecOptions spec = new SpecOptions();

  @Mixin private IndexFieldOption indexFields = new IndexFieldOption();

  @Option(
      names = "--dimension",
      defaultValue = "0",
      paramLabel = "N",
      description = "Refuse the file unless its first vector has this dimension.")
  private int dimension;

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
      names = "--lengths",
      paramLabel = "FILE",
      description =
          "fvecs, bvecs, f16vecs, npy: how many rows each point has, one number a line, for fields"
              + " of many vectors a point. Default: one row a point")
  private @Nullable Path lengths;

  @Option(
      names = "--limit",
      defaultValue = "-1",
      paramLabel = "N",
      description = "Stop after this many points. Default: all")
  private long limit;

  @Option(
      names = "--durability",
      defaultValue = "async",
      description =
          "sync: each batch is on stable storage before the next ones are acknowledged; async: all"
              + " is when the import ends, for grpc; flight is always sync. Default:"
              + " ${DEFAULT-VALUE}")
  private Durability durability = Durability.ASYNC;

  @Option(
      names = "--via",
      defaultValue = "grpc",
      description = "How points travel: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}")
  private Via via = Via.GRPC;

  ImportCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    if (!create && !indexFields.indexes().isEmpty()) {
      throw new ParameterException(
          commandSpec.commandLine(),
          "--index-field needs --create; for a collection that exists: whimbrel collection index"
              + " add");
    }
    if (idStart < 0) {
      throw new ParameterException(
          commandSpec.commandLine(), "--id-start: " + idStart + " (expected: 0 or more)");
    }
    ReadingOptions options =
        new ReadingOptions(
            spec.field(), idStart, idColumn, vectorColumn, Optional.ofNullable(lengths));
    try (PointReader reader = PointReader.open(file, options);
        WhimbrelClient client = session.connect()) {
      Optional<Point> first = limit == 0 ? Optional.empty() : reader.next();
      first.ifPresent(point -> prepare(client, point));
      OptionalLong total = total(reader);
      long started = System.nanoTime();
      long written;
      try (BulkTarget target = target(client);
          Progress progress = Progress.start(session, "import", total)) {
        written = copy(reader, first, target, progress);
      }
      client.flush();
      report(written, (System.nanoTime() - started) / 1e9);
    }
    return Main.DONE;
  }

  private BulkTarget target(WhimbrelClient client) {
    return switch (via) {
      case GRPC ->
          new GrpcBulkTarget(
              client.bulkWriter(collection.name(), BulkOptions.DEFAULT.withDurability(durability)));
      case FLIGHT ->
          new FlightBulkTarget(
              session.connectFlight(),
              collection.name(),
              UploadOptions.DEFAULT.withDeadline(Session.TRANSFER_MAX));
    };
  }

  private OptionalLong total(PointReader reader) {
    OptionalLong total = reader.total();
    return total.isPresent() && limit >= 0
        ? OptionalLong.of(Math.min(limit, total.getAsLong()))
        : total;
  }

  /// Checks the dimension and makes the collection, both by the first point.
  private void prepare(WhimbrelClient client, Point first) {
    Map<String, Vector> vectors = new TreeMap<>(first.vectors());
    for (Map.Entry<String, Vector> field : vectors.entrySet()) {
      if (dimension != 0 && field.getValue().dimension() != dimension) {
        throw WhimbrelException.refusal(
            ErrorCode.DIMENSION_MISMATCH,
            file + ", first vector of field \"" + field.getKey() + "\", dimension",
            field.getValue().dimension(),
            Integer.toString(dimension));
      }
    }
    if (!create) {
      return;
    }
    List<FieldSpec> fields =
        vectors.entrySet().stream()
            .map(field -> new FieldSpec(field.getKey(), spec.spec(field.getValue().dimension())))
            .toList();
    try {
      client.createCollection(new CollectionSpec(collection.name(), fields, indexFields.indexes()));
    } catch (WhimbrelException e) {
      // One that exists takes the points, or refuses them with a better reason.
      if (e.code() != ErrorCode.COLLECTION_EXISTS) {
        throw e;
      }
    }
  }

  private long copy(PointReader reader, Optional<Point> first, BulkTarget target, Progress progress)
      throws IOException {
    Optional<Point> point = first;
    long taken = 0;
    while (point.isPresent()) {
      target.add(point.get());
      taken++;
      if (taken % POINTS_BETWEEN_LOOKS == 0) {
        progress.at(target.written());
        if (target.refused() > 0) {
          break;
        }
      }
      point = taken == limit ? Optional.empty() : reader.next();
    }
    target.flush();
    progress.at(target.written());
    return target.written();
  }

  private void report(long written, double seconds) throws IOException {
    double rate = seconds > 0 ? written / seconds : 0;
    if (session.json()) {
      session.printJson(json -> {
        json.writeStringField("collection", collection.name());
        json.writeStringField("file", file.toString());
        json.writeNumberField("points", written);
        json.writeNumberField("seconds", seconds);
        json.writeNumberField("points_per_second", rate);
      });
    } else {
      session
          .out()
          .printf(
              Locale.ROOT,
              "imported %d points into %s in %.2f s (%.0f points/s)%n",
              written,
              collection.name(),
              seconds,
              rate);
    }
  }
}
