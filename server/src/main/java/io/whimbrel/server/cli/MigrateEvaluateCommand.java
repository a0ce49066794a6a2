package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.migration.EvaluationReport;
import io.whimbrel.client.migration.Evaluations;
import io.whimbrel.client.migration.GoldenQuery;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.server.cli.files.GoldenFiles;
import io.whimbrel.server.cli.files.MatrixFile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `migrate evaluate`.
@Command(
    name = "evaluate",
    description = {
      "Compare the answers of both versions by queries whose right answers are known.",
      "",
      "The golden set is stored with the collection under its name: give the files once, later the"
          + " name is enough. Row n of a vector file belongs to query n of the queries file."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  whimbrel migrate evaluate docs --golden faq --queries queries.jsonl --qrels qrels.tsv \\",
      "      --vectors-old old-queries.npy --vectors-new new-queries.npy",
      "  whimbrel migrate evaluate docs --golden faq -k 20 --runs out/"
    })
final class MigrateEvaluateCommand implements Callable<Integer> {
  private final Session session;

  @Mixin private MigrationOption migration = new MigrationOption();

  @Option(
      names = "--golden",
      required = true,
      paramLabel = "NAME",
      description = "Name of the golden set.")
  private String golden = "";

  @ArgGroup(exclusive = false)
  private @Nullable Import files;

  @Option(
      names = "-k",
      defaultValue = "10",
      paramLabel = "N",
      description = "Hits that users ask for, 1 to 1000. Default: ${DEFAULT-VALUE}")
  private int k;

  @Option(
      names = "--delta",
      defaultValue = "0.01",
      paramLabel = "X",
      description = "How much worse still counts as not inferior. Default: ${DEFAULT-VALUE}")
  private double delta;

  @Option(
      names = "--threshold",
      paramLabel = "X",
      description = "A score threshold in use: look for the one of the new version.")
  private @Nullable Double threshold;

  @Option(
      names = "--runs",
      paramLabel = "DIR",
      description = "Write both answers there as TREC runs, old.run and new.run.")
  private @Nullable Path runs;

  /// Where a golden set comes from.
  private static final class Import {
    @Option(
        names = "--queries",
        required = true,
        paramLabel = "FILE",
        description = "BEIR queries.jsonl.")
    private Path queries = Path.of("");

    @Option(
        names = "--qrels",
        required = true,
        paramLabel = "FILE",
        description = "BEIR qrels.tsv or TREC qrels.")
    private Path qrels = Path.of("");

    @Option(
        names = "--vectors-old",
        required = true,
        paramLabel = "FILE",
        description = "Query vectors by the old model.")
    private Path oldVectors = Path.of("");

    @Option(
        names = "--vectors-new",
        required = true,
        paramLabel = "FILE",
        description = "Query vectors by the new model.")
    private Path newVectors = Path.of("");

    @Option(names = "--number-ids", description = "Point ids in the qrels are numbers.")
    private boolean numberIds;
  }

  MigrateEvaluateCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    EvaluationReport report;
    try (WhimbrelClient client = session.connect()) {
      Migration now = client.migrations().get(migration.id(client));
      if (files != null) {
        client.evaluations().put(now.collection(), now.field(), golden, read(files, now));
      }
      report =
          client
              .evaluations()
              .evaluate(
                  now.collection(),
                  golden,
                  now.fromVersion(),
                  now.toVersion(),
                  new Evaluations.Options(
                      k,
                      delta,
                      0,
                      threshold == null ? OptionalDouble.empty() : OptionalDouble.of(threshold),
                      runs != null));
    }
    if (runs != null) {
      Files.createDirectories(runs);
      Files.writeString(runs.resolve("old.run"), report.baseline().run());
      Files.writeString(runs.resolve("new.run"), report.candidate().run());
    }
    if (session.json()) {
      session.printJson(json -> writeFields(json, report));
    } else {
      print(report);
    }
    return report.verdict() == EvaluationReport.Verdict.WORSE ? Main.FAILED : Main.DONE;
  }

  private static List<GoldenQuery> read(Import files, Migration migration) throws IOException {
    List<GoldenFiles.JudgedQuery> judged =
        GoldenFiles.read(
            files.queries,
            files.qrels,
            id -> files.numberIds ? PointId.of(Long.parseUnsignedLong(id)) : PointId.of(id));
    Map<String, Integer> rows = rows(files.queries);
    float[][] byOld = MatrixFile.readVectors(files.oldVectors);
    float[][] byNew = MatrixFile.readVectors(files.newVectors);
    if (byOld.length != rows.size() || byNew.length != rows.size()) {
      throw new IOException(
          files.queries
              + " has "
              + rows.size()
              + " queries, the vector files have "
              + byOld.length
              + " and "
              + byNew.length
              + " rows (expected: one a query)");
    }
    List<GoldenQuery> queries = new ArrayList<>();
    for (GoldenFiles.JudgedQuery query : judged) {
      int row = rows.getOrDefault(query.id(), -1);
      queries.add(
          new GoldenQuery(
              query.id(),
              query.text(),
              List.of(
                  Vector.of(byOld[row]).inSpace(migration.from().spaceId()),
                  Vector.of(byNew[row]).inSpace(migration.to().spaceId())),
              query.slices(),
              query.grades()));
    }
    return queries;
  }

  /// The row of each query of the file, judged or not.
  private static Map<String, Integer> rows(Path queries) throws IOException {
    Map<String, Integer> rows = new HashMap<>();
    for (String id : GoldenFiles.ids(queries)) {
      rows.put(id, rows.size());
    }
    return rows;
  }

  private void print(EvaluationReport report) {
    PrintStream out = session.out();
    out.printf(
        Locale.ROOT,
        "version %d against %d: %s%n%n",
        report.candidate().number(),
        report.baseline().number(),
        report.verdict());
    out.println("what users get");
    report.served().forEach(comparison -> print(out, comparison));
    out.println("the models alone, by exact scans");
    report.model().forEach(comparison -> print(out, comparison));
    for (EvaluationReport.Version version : List.of(report.baseline(), report.candidate())) {
      out.printf(
          Locale.ROOT,
          "version %d: the index found %.4f of the exact hits; %.1f %% of the hits are judged%n",
          version.number(),
          version.indexRecall(),
          100 * version.judged());
    }
    out.printf(Locale.ROOT, "%,d hits are not judged%n", report.unjudged());
    report
        .threshold()
        .ifPresent(match ->
            out.printf(
                Locale.ROOT,
                "threshold %.4f of the old version corresponds to %.4f of the new one, %.1f hits a"
                    + " query%s%n",
                match.baseline(),
                match.candidate(),
                match.hitsPerQuery(),
                match.truncated() == 0 ? "" : "; a guess, all hits of some queries pass"));
    report.warnings().forEach(warning -> out.println("warning: " + warning));
  }

  private static void print(PrintStream out, EvaluationReport.Comparison comparison) {
    out.printf(
        Locale.ROOT,
        "  %-13s %-16s %5d queries  %.4f to %.4f  %+.4f [%+.4f, %+.4f]  %s%n",
        comparison.measure(),
        comparison.slice().isEmpty() ? "all" : comparison.slice(),
        comparison.queries(),
        comparison.baseline(),
        comparison.candidate(),
        comparison.difference(),
        comparison.intervalLow(),
        comparison.intervalHigh(),
        comparison.tested()
            ? String.format(
                Locale.ROOT,
                "p %.4f, %s; can see %.3f",
                comparison.pValue(),
                comparison.verdict(),
                comparison.smallestDetectable())
            : "too few queries for a test");
  }

  private static void writeFields(JsonGenerator json, EvaluationReport report) throws IOException {
    json.writeStringField("verdict", lower(report.verdict()));
    json.writeArrayFieldStart("served");
    for (EvaluationReport.Comparison comparison : report.served()) {
      write(json, comparison);
    }
    json.writeEndArray();
    json.writeArrayFieldStart("model");
    for (EvaluationReport.Comparison comparison : report.model()) {
      write(json, comparison);
    }
    json.writeEndArray();
    write(json, "baseline", report.baseline());
    write(json, "candidate", report.candidate());
    json.writeNumberField("unjudged", report.unjudged());
    if (report.threshold().isPresent()) {
      json.writeObjectFieldStart("threshold");
      json.writeNumberField("baseline", report.threshold().get().baseline());
      json.writeNumberField("candidate", report.threshold().get().candidate());
      json.writeNumberField("hits_per_query", report.threshold().get().hitsPerQuery());
      json.writeNumberField("truncated", report.threshold().get().truncated());
      json.writeEndObject();
    }
    json.writeArrayFieldStart("warnings");
    for (String warning : report.warnings()) {
      json.writeString(warning);
    }
    json.writeEndArray();
  }

  private static void write(JsonGenerator json, EvaluationReport.Comparison comparison)
      throws IOException {
    json.writeStartObject();
    json.writeStringField("measure", comparison.measure());
    json.writeStringField("slice", comparison.slice());
    json.writeNumberField("queries", comparison.queries());
    json.writeNumberField("baseline", comparison.baseline());
    json.writeNumberField("candidate", comparison.candidate());
    json.writeNumberField("difference", comparison.difference());
    json.writeNumberField("interval_low", comparison.intervalLow());
    json.writeNumberField("interval_high", comparison.intervalHigh());
    json.writeNumberField("p_value", comparison.pValue());
    json.writeNumberField("smallest_detectable", comparison.smallestDetectable());
    json.writeBooleanField("tested", comparison.tested());
    json.writeStringField("verdict", lower(comparison.verdict()));
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, String name, EvaluationReport.Version version)
      throws IOException {
    json.writeObjectFieldStart(name);
    json.writeNumberField("version", version.number());
    json.writeNumberField("index_recall", version.indexRecall());
    json.writeNumberField("judged", version.judged());
    json.writeEndObject();
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
