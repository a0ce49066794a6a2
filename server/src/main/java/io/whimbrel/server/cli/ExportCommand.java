package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Filter;
import io.whimbrel.client.Point;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.Selector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.arrow.FlightBulk;
import io.whimbrel.server.cli.files.PointWriter;
import io.whimbrel.server.cli.json.Json;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Iterator;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `export`.
@Command(
    name = "export",
    description = {
      "Write the points of a collection into a file, in id order.",
      "",
      "Formats, by the ending of the name: jsonl (whole points, importable again), fvecs or npy"
          + " (vectors of one field; --ids keeps the ids). The file appears under its name only"
          + " when it is whole. Points written or deleted meanwhile may or may not be in it."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel export docs.jsonl -c docs",
      "  whimbrel export vectors.npy -c docs --field default --ids ids.jsonl"
    })
final class ExportCommand implements Callable<Integer> {
  /// What an export is written as.
  enum Format {
    JSONL,
    FVECS,
    NPY
  }

  private static final int PAGE_POINTS = 1_000;
  private static final int BUFFER_BYTES = 1 << 20;

  private final Session session;

  @Spec private CommandSpec commandSpec = CommandSpec.create();

  @Parameters(paramLabel = "FILE", description = "Where to write; replaced if it exists.")
  private Path file = Path.of("");

  @Mixin private CollectionOption collection = new CollectionOption();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "jsonl, fvecs or npy. Default: by the ending of FILE")
  private @Nullable Format format;

  @Option(
      names = "--field",
      defaultValue = FieldSpec.DEFAULT_NAME,
      paramLabel = "NAME",
      description = "fvecs, npy: vector field. Default: ${DEFAULT-VALUE}")
  private String field = FieldSpec.DEFAULT_NAME;

  @Option(
      names = "--ids",
      paramLabel = "FILE",
      description = "Also write the ids, one a line as JSON, in the order of the rows.")
  private @Nullable Path ids;

  @Option(
      names = "--via",
      defaultValue = "grpc",
      description = "How points travel: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}")
  private Via via = Via.GRPC;

  @Mixin private FilterOption filter = new FilterOption();

  @Mixin private SliceOption slice = new SliceOption();

  ExportCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    Format chosen = format == null ? formatOf(file) : format;
    Path part = part(file);
    @Nullable Path idsPart = ids == null ? null : part(ids);
    long started = System.nanoTime();
    long points;
    try (WhimbrelClient client = session.connect()) {
      Optional<Filter> wanted = filter.filter();
      long matches =
          wanted.isPresent()
              ? client.count(collection.name(), wanted.get())
              : client.count(collection.name());
      long expected = matches / slice.slice().count();
      try (PointWriter writer = writer(chosen, part);
          IdWriter idWriter = IdWriter.to(idsPart);
          Progress progress = Progress.start(session, "export", OptionalLong.of(expected))) {
        points = copy(client, chosen, writer, idWriter, progress);
      }
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
      if (ids != null && idsPart != null) {
        Files.move(idsPart, ids, StandardCopyOption.REPLACE_EXISTING);
      }
    } finally {
      Files.deleteIfExists(part);
      if (idsPart != null) {
        Files.deleteIfExists(idsPart);
      }
    }
    report(points, (System.nanoTime() - started) / 1e9);
    return Main.DONE;
  }

  private long copy(
      WhimbrelClient client,
      Format chosen,
      PointWriter writer,
      IdWriter idWriter,
      Progress progress)
      throws IOException {
    ReadOptions read =
        chosen == Format.JSONL
            ? ReadOptions.DEFAULT.withVectors(Selector.ALL)
            : ReadOptions.DEFAULT.withPayload(Selector.NONE).withVectors(Selector.include(field));
    return switch (via) {
      case GRPC -> {
        try (Stream<Point> all =
            client.scrollAll(
                collection.name(), PAGE_POINTS, filter.filter(), slice.slice(), read)) {
          yield copy(all, writer, idWriter, progress);
        }
      }
      case FLIGHT -> {
        try (FlightBulk bulk = session.connectFlight();
            Stream<Point> all =
                bulk.download(
                    collection.name(),
                    filter.filter(),
                    slice.slice(),
                    read,
                    Session.TRANSFER_MAX)) {
          yield copy(all, writer, idWriter, progress);
        }
      }
    };
  }

  private static long copy(
      Stream<Point> all, PointWriter writer, IdWriter idWriter, Progress progress)
      throws IOException {
    long points = 0;
    for (Iterator<Point> i = all.iterator(); i.hasNext(); ) {
      Point point = i.next();
      writer.write(point);
      idWriter.write(point);
      points++;
      progress.at(points);
    }
    return points;
  }

  private PointWriter writer(Format chosen, Path target) throws IOException {
    return switch (chosen) {
      case JSONL ->
          PointWriter.jsonLines(
              new BufferedOutputStream(Files.newOutputStream(target), BUFFER_BYTES));
      case FVECS -> PointWriter.fvecs(target, field);
      case NPY -> PointWriter.npy(target, field);
    };
  }

  private Format formatOf(Path name) {
    String text = name.toString().toLowerCase(Locale.ROOT);
    if (text.endsWith(".jsonl") || text.endsWith(".ndjson")) {
      return Format.JSONL;
    } else if (text.endsWith(".fvecs")) {
      return Format.FVECS;
    } else if (text.endsWith(".npy")) {
      return Format.NPY;
    }
    throw new ParameterException(
        commandSpec.commandLine(),
        name + ": an unknown ending (expected: .jsonl, .fvecs or .npy, or --format)");
  }

  private static Path part(Path target) {
    return target.resolveSibling(target.getFileName() + ".part");
  }

  private void report(long points, double seconds) throws IOException {
    if (session.json()) {
      session.printJson(json -> {
        json.writeStringField("collection", collection.name());
        json.writeStringField("file", file.toString());
        json.writeNumberField("points", points);
        json.writeNumberField("seconds", seconds);
      });
    } else {
      session
          .out()
          .printf(
              Locale.ROOT,
              "exported %d points of %s to %s in %.2f s%n",
              points,
              collection.name(),
              file,
              seconds);
    }
  }

  /// Writes the ids beside the vectors, or nothing.
  private static final class IdWriter implements AutoCloseable {
    private final @Nullable JsonGenerator json;
    private final OutputStream out;

    private IdWriter(@Nullable JsonGenerator json, OutputStream out) {
      this.json = json;
      this.out = out;
    }

    static IdWriter to(@Nullable Path file) throws IOException {
      if (file == null) {
        return new IdWriter(null, OutputStream.nullOutputStream());
      }
      OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), BUFFER_BYTES);
      JsonGenerator json = Json.generator(out);
      json.setRootValueSeparator(null);
      return new IdWriter(json, out);
    }

    void write(Point point) throws IOException {
      if (json != null) {
        Json.writeId(json, point.id());
        json.writeRaw('\n');
      }
    }

    @Override
    public void close() throws IOException {
      try (out) {
        if (json != null) {
          json.close();
        }
      }
    }
  }
}
