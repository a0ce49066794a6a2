package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.CollectionInfo;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.PayloadIndexSpec;
import io.whimbrel.client.TextAnalyzer;
import io.whimbrel.client.TextIndexSpec;
import io.whimbrel.client.WhimbrelClient;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
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
import picocli.CommandLine.TypeConversionException;

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
        spec.commandLine(),
        "a command is missing: create, list, describe, delete, index, field, alias or ttl");
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

    @Mixin private TextFieldOption textFields = new TextFieldOption();

    @Option(
        names = "--ttl-field",
        paramLabel = "PATH",
        description = "Points expire at the timestamp of this payload field.")
    private String ttlField = "";

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
                    name,
                    List.of(new FieldSpec(options.field(), spec)),
                    indexFields.indexes(),
                    textFields.texts(),
                    ttlField));
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
      description =
          "Add, drop and show payload indexes, which answer filters, and full-text indexes.",
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
        "Declare payload and full-text indexes. They are built in the background; conditions on"
            + " their paths read payloads until they are ready, and text is not searched."
      },
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel collection index add docs year:int64 authors[].name:keyword",
        "  whimbrel collection index add docs title --type text --analyzer english"
      })
  static final class AddIndex implements Callable<Integer> {
    private final Session session;

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    @Parameters(
        index = "1..*",
        arity = "1..*",
        paramLabel = "PATH[:TYPE]",
        description = "Types: " + IndexFieldOption.HELP + ". Without :TYPE where --type says it.")
    private List<String> paths = List.of();

    @Option(
        names = "--type",
        paramLabel = "TYPE",
        description = "The type of all paths: one of those, or text.")
    private String type = "";

    @Option(
        names = "--analyzer",
        paramLabel = "NAME",
        description = "How text becomes words, with --type text; standard when not given.")
    private String analyzer = "";

    @Spec private CommandSpec spec = CommandSpec.create();

    AddIndex(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      boolean isText = type.equalsIgnoreCase("text");
      if (!isText && !analyzer.isEmpty()) {
        throw new ParameterException(spec.commandLine(), "--analyzer goes with --type text");
      }
      // Everything is read before the first is declared.
      TextAnalyzer words = TextAnalyzer.STANDARD;
      List<PayloadIndexSpec> indexes = new ArrayList<>();
      try {
        words = analyzer.isEmpty() ? words : TextFieldOption.analyzer(analyzer);
        for (String path : isText ? List.<String>of() : paths) {
          indexes.add(
              new IndexFieldOption.Converter().convert(type.isEmpty() ? path : path + ':' + type));
        }
      } catch (TypeConversionException e) {
        throw new ParameterException(spec.commandLine(), e.getMessage(), e);
      }
      try (WhimbrelClient client = session.connect()) {
        if (isText) {
          for (String path : paths) {
            client.addTextIndex(name, new TextIndexSpec(path, words));
          }
        }
        for (PayloadIndexSpec index : indexes) {
          client.addIndex(name, index);
        }
        showIndexes(session, client.collection(name));
      }
      return Main.DONE;
    }
  }

  /// `collection index drop`.
  @Command(
      name = "drop",
      description = "Drop payload indexes, or full-text indexes with --type text.")
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

    @Option(names = "--type", paramLabel = "text", description = "Drop full-text indexes.")
    private String type = "";

    @Spec private CommandSpec spec = CommandSpec.create();

    DropIndex(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      if (!type.isEmpty() && !type.equalsIgnoreCase("text")) {
        throw new ParameterException(spec.commandLine(), "--type takes text only");
      }
      try (WhimbrelClient client = session.connect()) {
        for (String path : paths) {
          if (type.isEmpty()) {
            client.dropIndex(name, path);
          } else {
            client.dropTextIndex(name, path);
          }
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

  /// `collection field ...`.
  @Command(
      name = "field",
      description = "Add and drop vector fields of a collection in use.",
      synopsisSubcommandLabel = "COMMAND")
  static final class Field implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
      throw new ParameterException(spec.commandLine(), "a command is missing: add or drop");
    }
  }

  /// `collection field add`.
  @Command(
      name = "add",
      description = "Add a vector field. Points have no vector in it until one is written.",
      sortOptions = false,
      footerHeading = "%nExample:%n",
      footer = "  whimbrel collection field add docs --field image --dimension 512 --index hnsw")
  static final class AddField implements Callable<Integer> {
    private final Session session;

    @Parameters(paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    @Option(
        names = "--dimension",
        required = true,
        paramLabel = "N",
        description = "Numbers in a vector, 1 to 65536.")
    private int dimension;

    @Mixin private SpecOptions options = new SpecOptions();

    AddField(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      FieldSpec field = new FieldSpec(options.field(), options.spec(dimension));
      try (WhimbrelClient client = session.connect()) {
        print(session, client.addField(name, field));
      }
      return Main.DONE;
    }
  }

  /// `collection field drop`.
  @Command(name = "drop", description = "Drop a vector field with all its vectors, for good.")
  static final class DropField implements Callable<Integer> {
    private final Session session;

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    @Parameters(index = "1", paramLabel = "FIELD", description = "Name of the field.")
    private String field = "";

    DropField(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        print(session, client.dropField(name, field));
      }
      return Main.DONE;
    }
  }

  /// `collection ttl`.
  @Command(
      name = "ttl",
      description =
          "Let points expire by the timestamp of a payload field, or no more. The field needs a"
              + " timestamp index.")
  static final class Ttl implements Callable<Integer> {
    private final Session session;

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the collection.")
    private String name = "";

    @Option(names = "--field", paramLabel = "PATH", description = "The payload field.")
    private String field = "";

    @Option(names = "--off", description = "Points expire no more.")
    private boolean off;

    @Spec private CommandSpec spec = CommandSpec.create();

    Ttl(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      if (off != field.isEmpty()) {
        throw new ParameterException(spec.commandLine(), "give either --field or --off");
      }
      try (WhimbrelClient client = session.connect()) {
        print(session, client.setTtl(name, field));
      }
      return Main.DONE;
    }
  }

  private static void showIndexes(Session session, CollectionInfo info) throws IOException {
    if (session.json()) {
      session.printJson(json -> writeIndexes(json, info));
    } else if (info.indexes().isEmpty() && info.texts().isEmpty()) {
      session.out().println("no indexes");
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
    if (!info.aliases().isEmpty()) {
      out.println("  aliases " + String.join(", ", info.aliases()));
    }
    info.ttl()
        .ifPresent(ttl ->
            out.printf(
                Locale.ROOT,
                "  points expire by %s; %d wait for deletion, %d deleted since the start%n",
                ttl.path(),
                ttl.waiting(),
                ttl.deleted()));
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
    for (CollectionInfo.TextIndexInfo text : info.texts()) {
      String state =
          text.ready()
              ? "%d points, %.1f MiB on disk"
                  .formatted(text.points(), text.diskBytes() / (double) (1 << 20))
              : "being filled";
      out.printf(
          Locale.ROOT,
          "  text %s: %s; %s%s%n",
          text.spec().path(),
          lower(text.spec().analyzer()),
          state,
          text.note().isEmpty() ? "" : "; " + text.note());
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
    json.writeArrayFieldStart("aliases");
    for (String alias : info.aliases()) {
      json.writeString(alias);
    }
    json.writeEndArray();
    if (info.ttl().isPresent()) {
      json.writeObjectFieldStart("ttl");
      json.writeStringField("path", info.ttl().get().path());
      json.writeNumberField("waiting", info.ttl().get().waiting());
      json.writeNumberField("deleted", info.ttl().get().deleted());
      json.writeEndObject();
    }
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
    json.writeArrayFieldStart("texts");
    for (CollectionInfo.TextIndexInfo text : info.texts()) {
      json.writeStartObject();
      json.writeStringField("path", text.spec().path());
      json.writeStringField("analyzer", lower(text.spec().analyzer()));
      json.writeBooleanField("ready", text.ready());
      json.writeNumberField("points", text.points());
      json.writeNumberField("pending", text.pending());
      json.writeNumberField("disk_bytes", text.diskBytes());
      json.writeStringField("note", text.note());
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
