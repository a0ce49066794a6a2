package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.CollectionInfo;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.PayloadIndexSpec;
import io.whimbrel.client.WhimbrelClient;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `collection ...`: making, showing and removing collections.
@Command(
    name = "collection",
    description = "Make, show and remove collections.",
    synopsisSubcommandLabel = "COMMAND")
final class CollectionCommands implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "a command is missing: create, list, describe, delete or index");
  }

  /// `collection create`.
  @Command(
      name = "create",
      description = "Make a collection with one vector field.",
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel collection create docs --dimension 384 --index-field lang:keyword,year:int64",
        "  whimbrel collection create images --dimension 128 --metric l2 --index hnsw --m 16"
      })
  static final class Create implements Callable<Integer> {
    private final Session session;

    @Parameters(paramLabel = "NAME", description = "Lower-case letters, digits, - and _; up to 63.")
    private String name = "";

    @Option(
        names = "--dimension",
        required = true,
        paramLabel = "N",
        description = "Numbers in a vector, 1 to 65536.")
    private int dimension;

    @Mixin private SpecOptions options = new SpecOptions();

    @Mixin private IndexFieldOption indexFields = new IndexFieldOption();

    Create(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      EmbeddingSpec spec = options.spec(dimension);
      try (WhimbrelClient client = session.connect()) {
        CollectionInfo made =
            client.createCollection(
                new CollectionSpec(
                    name, List.of(new FieldSpec(options.field(), spec)), indexFields.indexes()));
        print(session, made);
      }
      return Main.DONE;
    }
  }

  /// `collection list`.
  @Command(name = "list", description = "Show all collections.")
  static final class ListAll implements Callable<Integer> {
    private final Session session;

    ListAll(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        List<CollectionInfo> all = client.collections();
        if (session.json()) {
          session.printJson(json -> {
            json.writeArrayFieldStart("collections");
            for (CollectionInfo info : all) {
              json.writeStartObject();
              writeFields(json, info);
              json.writeEndObject();
            }
            json.writeEndArray();
          });
        } else if (all.isEmpty()) {
          session.out().println("no collections yet; make one: whimbrel collection create --help");
        } else {
          all.forEach(info -> printText(session.out(), info));
        }
      }
      return Main.DONE;
    }
  }

  /// `collection describe`.
  @Command(name = "describe", description = "Show one collection: fields, versions, coverage.")
  static final class Describe implements Callable<Integer> {
    private final Session session;

    @Parameters(paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    Describe(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        print(session, client.collection(name));
      }
      return Main.DONE;
    }
  }

  /// `collection delete`.
  @Command(name = "delete", description = "Remove a collection with all its points, for good.")
  static final class Delete implements Callable<Integer> {
    private final Session session;

    @Parameters(paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    Delete(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        long points = client.deleteCollection(name);
        if (session.json()) {
          session.printJson(json -> {
            json.writeStringField("name", name);
            json.writeNumberField("points", points);
          });
        } else {
          session.out().println("deleted " + name + " with " + points + " points");
        }
      }
      return Main.DONE;
    }
  }

  /// `collection index ...`.
  @Command(
      name = "index",
      description = "Add, drop and show payload indexes, which filters are answered by.",
      synopsisSubcommandLabel = "COMMAND")
  static final class Index implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
      throw new ParameterException(spec.commandLine(), "a command is missing: add, drop or list");
    }
  }

  /// `collection index add`.
  @Command(
      name = "add",
      description = {
        "Declare payload indexes. They are built in the background; conditions on their paths read"
            + " payloads until they are ready."
      },
      footerHeading = "%nExample:%n",
      footer = "  whimbrel collection index add docs year:int64 authors[].name:keyword")
  static final class AddIndex implements Callable<Integer> {
    private final Session session;

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    @Parameters(
        index = "1..*",
        arity = "1..*",
        paramLabel = "PATH:TYPE",
        converter = IndexFieldOption.Converter.class,
        description = "Types: " + IndexFieldOption.HELP + '.')
    private List<PayloadIndexSpec> indexes = List.of();

    AddIndex(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        for (PayloadIndexSpec index : indexes) {
          client.addIndex(name, index);
        }
        showIndexes(session, client.collection(name));
      }
      return Main.DONE;
    }
  }

  /// `collection index drop`.
  @Command(name = "drop", description = "Drop payload indexes.")
  static final class DropIndex implements Callable<Integer> {
    private final Session session;

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    @Parameters(
        index = "1..*",
        arity = "1..*",
        paramLabel = "PATH",
        description = "Paths of the indexes.")
    private List<String> paths = List.of();

    DropIndex(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        for (String path : paths) {
          client.dropIndex(name, path);
        }
        showIndexes(session, client.collection(name));
      }
      return Main.DONE;
    }
  }

  /// `collection index list`.
  @Command(name = "list", description = "Show the payload indexes of a collection.")
  static final class ListIndexes implements Callable<Integer> {
    private final Session session;

    @Parameters(paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    ListIndexes(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        showIndexes(session, client.collection(name));
      }
      return Main.DONE;
    }
  }

  private static void showIndexes(Session session, CollectionInfo info) throws IOException {
    if (session.json()) {
      session.printJson(json -> writeIndexes(json, info));
    } else if (info.indexes().isEmpty()) {
      session.out().println("no payload indexes");
    } else {
      printIndexes(session.out(), info);
    }
  }

  private static void print(Session session, CollectionInfo info) throws IOException {
    if (session.json()) {
      session.printJson(json -> writeFields(json, info));
    } else {
      printText(session.out(), info);
    }
  }

  private static void printText(PrintStream out, CollectionInfo info) {
    out.println(info.name() + ": " + info.points() + " points");
    for (CollectionInfo.FieldInfo field : info.fields()) {
      for (CollectionInfo.VersionInfo version : field.versions()) {
        EmbeddingSpec spec = version.spec();
        boolean served = version.number() == field.readVersion();
        out.printf(
            Locale.ROOT,
            "  %s version %d%s: %d x %s, %s, %s, %s; %d vectors, coverage %.3f, %d pending, %.1f"
                + " MiB in memory%n",
            field.name(),
            version.number(),
            served ? " (served)" : "",
            spec.dimension(),
            lower(spec.storage()) + (spec.keepOriginals() ? "" : " without originals"),
            lower(spec.cardinality()),
            lower(spec.metric()),
            text(spec.index()),
            version.live(),
            version.coverage(),
            version.pending(),
            version.indexBytes() / (double) (1 << 20));
        if (!version.indexNote().isEmpty()) {
          out.println("    " + version.indexNote());
        }
        if (!spec.model().name().isEmpty()) {
          out.println("    model " + spec.model());
        }
        out.println("    space " + spec.spaceId());
      }
    }
    printIndexes(out, info);
  }

  private static void printIndexes(PrintStream out, CollectionInfo info) {
    for (CollectionInfo.PayloadIndexInfo index : info.indexes()) {
      out.printf(
          Locale.ROOT,
          "  index %s: %s; %s%n",
          index.spec().path(),
          lower(index.spec().type()),
          index.ready()
              ? "%d points, %d values".formatted(index.points(), index.values())
              : index.note().isEmpty() ? "being built" : index.note());
    }
  }

  private static void writeFields(JsonGenerator json, CollectionInfo info) throws IOException {
    json.writeStringField("name", info.name());
    json.writeNumberField("points", info.points());
    json.writeNumberField("created_seq", info.createdSeq());
    json.writeArrayFieldStart("fields");
    for (CollectionInfo.FieldInfo field : info.fields()) {
      json.writeStartObject();
      json.writeStringField("name", field.name());
      json.writeNumberField("read_version", field.readVersion());
      json.writeArrayFieldStart("write_set");
      for (int number : field.writeSet()) {
        json.writeNumber(number);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("versions");
      for (CollectionInfo.VersionInfo version : field.versions()) {
        json.writeStartObject();
        json.writeNumberField("number", version.number());
        json.writeNumberField("live", version.live());
        json.writeNumberField("coverage", version.coverage());
        json.writeNumberField("pending", version.pending());
        json.writeNumberField("index_bytes", version.indexBytes());
        json.writeStringField("index_note", version.indexNote());
        writeSpec(json, version.spec());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
    writeIndexes(json, info);
  }

  private static void writeIndexes(JsonGenerator json, CollectionInfo info) throws IOException {
    json.writeArrayFieldStart("indexes");
    for (CollectionInfo.PayloadIndexInfo index : info.indexes()) {
      json.writeStartObject();
      json.writeStringField("path", index.spec().path());
      json.writeStringField("type", lower(index.spec().type()));
      json.writeBooleanField("ready", index.ready());
      json.writeNumberField("points", index.points());
      json.writeNumberField("values", index.values());
      json.writeStringField("note", index.note());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void writeSpec(JsonGenerator json, EmbeddingSpec spec) throws IOException {
    json.writeObjectFieldStart("spec");
    json.writeObjectFieldStart("model");
    json.writeStringField("provider", spec.model().provider());
    json.writeStringField("name", spec.model().name());
    json.writeStringField("revision", spec.model().revision());
    json.writeEndObject();
    json.writeNumberField("dimension", spec.dimension());
    json.writeStringField("metric", lower(spec.metric()));
    json.writeStringField("cardinality", lower(spec.cardinality()));
    json.writeStringField("storage", lower(spec.storage()));
    json.writeBooleanField("keep_originals", spec.keepOriginals());
    json.writeObjectFieldStart("index");
    switch (spec.index()) {
      case IndexSpec.Flat _ -> json.writeStringField("kind", "flat");
      case IndexSpec.Hnsw(int m, int efConstruction) -> {
        json.writeStringField("kind", "hnsw");
        json.writeNumberField("m", m);
        json.writeNumberField("ef_construction", efConstruction);
      }
      case IndexSpec.MultiVector(int centroids, int poolFactor) -> {
        json.writeStringField("kind", "multi_vector");
        json.writeNumberField("centroids", centroids);
        json.writeNumberField("pool_factor", poolFactor);
      }
    }
    json.writeEndObject();
    json.writeBooleanField("normalized", spec.normalized());
    json.writeStringField("origin", lower(spec.origin()));
    json.writeStringField("document_prefix", spec.documentPrefix());
    json.writeStringField("query_prefix", spec.queryPrefix());
    json.writeArrayFieldStart("source_fields");
    for (String source : spec.sourceFields()) {
      json.writeString(source);
    }
    json.writeEndArray();
    json.writeStringField("space_id", spec.spaceId());
    json.writeEndObject();
  }

  private static String text(IndexSpec index) {
    return switch (index) {
      case IndexSpec.Flat _ -> "flat index";
      case IndexSpec.Hnsw(int m, int efConstruction) ->
          "HNSW index (m " + m + ", ef_construction " + efConstruction + ")";
      case IndexSpec.MultiVector(int centroids, int poolFactor) ->
          "multi-vector index ("
              + centroids
              + " centroids"
              + (poolFactor == 1 ? "" : ", tokens pooled by " + poolFactor)
              + ")";
    };
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
