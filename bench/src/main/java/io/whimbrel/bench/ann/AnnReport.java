package io.whimbrel.bench.ann;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.bench.report.Machine;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The results as a table and as JSON.
///
/// @param pinned the CPUs, or nothing
/// @param javaFlags of the Java systems
/// @param command that repeats the run
record AnnReport(
    Machine machine,
    List<Integer> pinned,
    List<String> javaFlags,
    String command,
    SearchSet data,
    AnnBenchmark.Parameters parameters,
    List<AnnBenchmark.Result> results) {

  void print(PrintStream out) {
    header(out);
    boolean lowerBound = table(out);
    ratios(out);
    for (AnnBenchmark.Result result : results) {
      out.printf("%n%-10s %s", result.system().key(), result.built().note());
    }
    out.printf(
        "%n%nbuild s: CPU seconds of the whole process, one thread adding, JIT and GC included."
            + "%nMB: million bytes with vectors; C++: growth of the resident set over the build;"
            + " lucene, jvector: growth of%n    the used heap after GC plus the files; whimbrel,"
            + " flat: what the index says of itself."
            + "%nRSS MB: growth of the process's memory without mapped files; in Java with compiler"
            + " and unused heap, so an upper bound."
            + "%nqueries/s: by %s, best of %d passes after a warm-up, between neighbouring ef"
            + " log-linearly.%n",
        parameters.threads() == 1 ? "CPU time of the one thread" : "wall time", parameters.runs());
    if (lowerBound) {
      out.println(">: the smallest ef is above that recall already, so a lower bound.");
    }
  }

  private void header(PrintStream out) {
    out.printf(
        "%s, %d processors, %s%n%s%nJava systems: %s%n%s%n%s%n",
        machine.cpu(),
        machine.processors(),
        machine.system(),
        machine.jdk(),
        String.join(" ", javaFlags),
        pinned.isEmpty()
            ? "not pinned: there is no taskset, or too few CPUs; expect more noise"
            : "each system pinned to CPU " + pinned,
        command);
    out.printf(
        Locale.ROOT,
        "%s: %d x %d, %s, %d queries, k %d, exact answers %s%nm %d, ef_construction %d, storage of"
            + " whimbrel %s, %d thread(s)%n%n",
        data.name(),
        data.base().length,
        data.dimension(),
        data.metric(),
        data.queries().length,
        data.truth().k(),
        data.exactHere() ? "computed here" : "from the folder",
        parameters.m(),
        parameters.efConstruction(),
        parameters.storage(),
        parameters.threads());
  }

  /// Whether a lower bound is in it.
  private boolean table(PrintStream out) {
    out.printf("%-13s %9s %8s %8s", "system", "build s", "MB", "RSS MB");
    for (double level : Front.LEVELS) {
      out.printf(" %10s", "qps@" + key(level));
    }
    out.printf(" %10s%n", "max recall");
    boolean lowerBound = false;
    for (AnnBenchmark.Result result : results) {
      out.printf(
          Locale.ROOT,
          "%-13s %9.2f %8.1f %8.1f",
          result.system().key(),
          result.built().cpuSeconds(),
          result.built().bytes() / 1e6,
          result.built().residentGrowth() / 1e6);
      Front front = result.front();
      for (double level : Front.LEVELS) {
        Optional<Front.Reading> reading = front.at(level);
        lowerBound |= reading.isPresent() && reading.get().lowerBound();
        out.printf(" %10s", reading.map(AnnReport::cell).orElse("-"));
      }
      out.printf(Locale.ROOT, " %10.4f%n", front.recallMax());
    }
    return lowerBound;
  }

  private static String cell(Front.Reading reading) {
    return String.format(Locale.ROOT, "%s%.0f", reading.lowerBound() ? ">" : "", reading.qps());
  }

  private void ratios(PrintStream out) {
    Optional<AnnBenchmark.Result> found =
        results.stream().filter(result -> result.system() == AnnSystem.HNSWLIB).findFirst();
    if (found.isEmpty()) {
      out.printf("%nNo hnswlib in this run, so no ratios to it.%n");
      return;
    }
    AnnBenchmark.Result reference = found.get();
    out.printf("%ntimes hnswlib%n");
    for (AnnBenchmark.Result result : results) {
      out.printf(
          Locale.ROOT,
          "%-13s %9.2f %8.2f %8.2f",
          result.system().key(),
          result.built().cpuSeconds() / reference.built().cpuSeconds(),
          (double) result.built().bytes() / reference.built().bytes(),
          (double) result.built().residentGrowth() / reference.built().residentGrowth());
      for (double level : Front.LEVELS) {
        out.printf(" %10s", ratio(result.front().at(level), reference.front().at(level)));
      }
      out.println();
    }
  }

  private static String ratio(Optional<Front.Reading> ours, Optional<Front.Reading> theirs) {
    if (ours.isEmpty() || theirs.isEmpty()) {
      return "-";
    }
    return String.format(Locale.ROOT, "%.2f", ours.get().qps() / theirs.get().qps());
  }

  /// As JSON names a level: 0.90, 0.95, 0.99, 0.999.
  static String key(double level) {
    String text = Double.toString(level);
    return text.length() < 4 ? text + "0" : text;
  }

  String json() throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator to = new JsonFactory().createGenerator(text)) {
      to.writeStartObject();
      to.writeStringField("workload", "ann");
      writeMachine(to);
      to.writeStringField("command", command);
      to.writeStringField("dataset", data.name());
      to.writeNumberField("rows", data.base().length);
      to.writeNumberField("dimension", data.dimension());
      to.writeNumberField("queries", data.queries().length);
      to.writeStringField("metric", data.metric().name().toLowerCase(Locale.ROOT));
      to.writeNumberField("k", data.truth().k());
      to.writeNumberField("m", parameters.m());
      to.writeNumberField("ef_construction", parameters.efConstruction());
      to.writeStringField("storage", parameters.storage().name().toLowerCase(Locale.ROOT));
      to.writeNumberField("threads", parameters.threads());
      to.writeNumberField("runs", parameters.runs());
      to.writeArrayFieldStart("systems");
      for (AnnBenchmark.Result result : results) {
        writeSystem(to, result);
      }
      to.writeEndArray();
      to.writeEndObject();
    }
    return text.toString();
  }

  private void writeMachine(JsonGenerator to) throws IOException {
    to.writeObjectFieldStart("machine");
    to.writeStringField("cpu", machine.cpu());
    to.writeNumberField("processors", machine.processors());
    to.writeStringField("system", machine.system());
    to.writeStringField("jdk", machine.jdk());
    to.writeStringField("flags", String.join(" ", javaFlags));
    to.writeArrayFieldStart("pinned_cpus");
    for (int cpu : pinned) {
      to.writeNumber(cpu);
    }
    to.writeEndArray();
    to.writeEndObject();
  }

  private static void writeSystem(JsonGenerator to, AnnBenchmark.Result result) throws IOException {
    to.writeStartObject();
    to.writeStringField("name", result.system().key());
    to.writeStringField("note", result.built().note());
    to.writeNumberField("build_cpu_s", result.built().cpuSeconds());
    to.writeNumberField("build_wall_s", result.built().wallSeconds());
    to.writeNumberField("resident_bytes", result.built().bytes());
    to.writeNumberField("rss_growth_bytes", result.built().residentGrowth());
    Front front = result.front();
    List<String> lowerBounds = new ArrayList<>();
    to.writeObjectFieldStart("qps");
    for (double level : Front.LEVELS) {
      Optional<Front.Reading> reading = front.at(level);
      if (reading.isEmpty()) {
        to.writeNullField(key(level));
        continue;
      }
      to.writeNumberField(key(level), reading.get().qps());
      if (reading.get().lowerBound()) {
        lowerBounds.add(key(level));
      }
    }
    to.writeEndObject();
    to.writeArrayFieldStart("qps_lower_bounds");
    for (String level : lowerBounds) {
      to.writeString(level);
    }
    to.writeEndArray();
    to.writeNumberField("max_recall", front.recallMax());
    to.writeArrayFieldStart("points");
    for (Front.Point point : result.points()) {
      to.writeStartObject();
      to.writeNumberField("ef", point.ef());
      to.writeNumberField("recall", point.recall());
      to.writeNumberField("qps", point.qps());
      to.writeNumberField("wall_qps", point.wallQps());
      to.writeEndObject();
    }
    to.writeEndArray();
    to.writeEndObject();
  }
}
