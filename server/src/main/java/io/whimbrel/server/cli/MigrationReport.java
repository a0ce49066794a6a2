package io.whimbrel.server.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Origin;
import io.whimbrel.client.migration.BackfillProgress;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationPlan;
import io.whimbrel.client.migration.MigrationState;
import io.whimbrel.client.migration.Schedule;
import io.whimbrel.client.migration.VDiff;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Migrations as text for people and as JSON for programs.
final class MigrationReport {
  private static final int HISTORY_SHOWN = 8;
  private static final int FAULTS_SHOWN = 10;

  private MigrationReport() {}

  static void print(Session session, Migration migration) throws IOException {
    if (session.json()) {
      session.printJson(json -> writeFields(json, migration));
    } else {
      printText(session.out(), migration);
    }
  }

  static void printText(PrintStream out, Migration migration) {
    BackfillProgress progress = migration.progress();
    out.printf(
        Locale.ROOT,
        """
        %s  %s, field %s, version %d to %d: %s%s
          from      %s
          to        %s
          vectors   %s
          index     %.1f %% of the new vectors
          traffic   %s answered by version %d, epoch %d%s
          rollback  %s
        """,
        migration.id(),
        migration.collection(),
        migration.field(),
        migration.fromVersion(),
        migration.toVersion(),
        migration.state(),
        flags(migration),
        text(migration.from()),
        text(migration.to()),
        text(progress),
        100 * progress.coverage(),
        percent(migration.basisPoints()),
        migration.toVersion(),
        migration.epoch(),
        migration.mirrorPercent() > 0 ? ", " + migration.mirrorPercent() + " % mirrored" : "",
        rollback(migration));
    if (migration.legacyWrites() + migration.legacyReads() > 0) {
      out.printf(
          Locale.ROOT,
          "  clients   %,d writes and %,d reads of clients that know the old version only%n",
          migration.legacyWrites(),
          migration.legacyReads());
    }
    migration.mirror().ifPresent(mirror -> out.println("  mirror    " + text(mirror)));
    migration
        .schedule()
        .ifPresent(schedule ->
            out.printf(
                Locale.ROOT,
                "  schedule  %s, step %d of %d%s%s%n",
                schedule.state(),
                Math.min(schedule.step() + 1, schedule.schedule().steps().size()),
                schedule.schedule().steps().size(),
                schedule.heldBy().isEmpty() ? "" : ", held: " + schedule.heldBy(),
                schedule.ended().isEmpty() ? "" : ", ended: " + schedule.ended()));
    migration.vdiff().ifPresent(vdiff -> out.println("  verified  " + text(vdiff)));
    if (!migration.failure().isEmpty()) {
      out.println("  failure   " + migration.failure());
    }
    migration.history().stream()
        .skip(Math.max(0, migration.history().size() - HISTORY_SHOWN))
        .forEach(event -> out.println("  " + text(event)));
    out.println("  next      " + next(migration));
  }

  private static String flags(Migration migration) {
    return (migration.paused() ? ", paused: " + migration.pausedBecause() : "")
        + (migration.postponed() ? ", postponed" : "");
  }

  static String text(BackfillProgress progress) {
    String waits = progress.waitReason().isEmpty() ? "" : "; waits: " + progress.waitReason();
    String left = progress.eta().map(eta -> ", " + text(eta) + " left").orElse("");
    String letters =
        progress.deadLetters() + progress.waived() == 0
            ? ""
            : String.format(
                Locale.ROOT,
                "; %,d dead letters, %,d waived",
                progress.deadLetters(),
                progress.waived());
    return String.format(
        Locale.ROOT,
        "%,d of %,d points (%.1f %%), %,d waiting, %,d leased, %,.0f/s%s%s%s",
        progress.done(),
        progress.live(),
        share(progress) * 100,
        progress.backlog(),
        progress.leased(),
        progress.rate(),
        left,
        letters,
        waits);
  }

  static double share(BackfillProgress progress) {
    return progress.live() == 0 ? 1 : progress.done() / (double) progress.live();
  }

  private static String rollback(Migration migration) {
    return migration.rollbackReady()
        ? "ready: the old version has every write"
        : migration.state().ended()
            ? "over"
            : String.format(
                Locale.ROOT, "the old version lags by %,d points", migration.reverseBacklog());
  }

  private static String text(Migration.MirrorReport mirror) {
    return String.format(
        Locale.ROOT,
        "%,d of %,d reads compared, %,d dropped, %,d failed; overlap %.3f; p99 %.1f ms old, %.1f ms"
            + " new",
        mirror.compared(),
        mirror.sampled(),
        mirror.dropped(),
        mirror.failed(),
        mirror.meanOverlap(),
        mirror.fromP99Millis(),
        mirror.toP99Millis());
  }

  private static String text(Migration.Event event) {
    return "%s  %-11s %s  %s%s"
        .formatted(
            event.time().truncatedTo(ChronoUnit.SECONDS),
            event.state(),
            percent(event.basisPoints()),
            event.reason(),
            event.actor().isEmpty() ? "" : " (" + event.actor() + ")");
  }

  static String text(VDiff vdiff) {
    long faults = vdiff.faults().values().stream().mapToLong(Long::longValue).sum();
    return String.format(
        Locale.ROOT,
        "%s, %,d of %,d points compared, %s%s",
        vdiff.state().name().toLowerCase(Locale.ROOT),
        vdiff.checked(),
        vdiff.total(),
        faults == 0 ? "no fault" : String.format(Locale.ROOT, "%,d faults", faults),
        vdiff.failure().isEmpty() ? "" : ": " + vdiff.failure());
  }

  static void printFaults(PrintStream out, VDiff vdiff) {
    new TreeMap<>(vdiff.faults())
        .forEach((kind, count) -> out.printf(Locale.ROOT, "  %-16s %,d%n", kind, count));
    vdiff.examples().stream()
        .limit(FAULTS_SHOWN)
        .forEach(
            fault -> out.println("    " + fault.kind() + " " + fault.id() + " " + fault.detail()));
  }

  /// What an operator would do now.
  private static String next(Migration migration) {
    String id = migration.id();
    return switch (migration.state()) {
      case PLANNED -> "whimbrel migrate start " + id;
      case DUAL_WRITE -> "wait: the points are being listed";
      case BACKFILLING ->
          migration.paused()
              ? "whimbrel migrate resume " + id
              : migration.progress().deadLetters() > 0 && migration.progress().backlog() == 0
                  ? "whimbrel migrate dead-letters " + id + ", then --retry or --waive"
                  : migration.derived()
                      ? "wait: the server computes the vectors"
                      : "run a backfill worker, or whimbrel migrate backfill "
                          + id
                          + " --vectors FILE";
      case INDEXING -> "wait: the index takes the new vectors in";
      case VERIFYING -> "whimbrel migrate verify " + id;
      case READY -> "whimbrel migrate switch " + id + " 1";
      case SHIFTING ->
          "whimbrel migrate switch "
              + id
              + " 100, or whimbrel migrate reverse "
              + id
              + " to go back";
      case SWITCHED ->
          "whimbrel migrate complete "
              + id
              + " --confirm "
              + migration.collection()
              + soak(migration);
      case ROLLED_BACK ->
          "whimbrel migrate switch " + id + " PERCENT, or whimbrel migrate cancel " + id;
      case COMPLETING, CANCELLING -> "wait: the space is being given back";
      case COMPLETED, CANCELLED -> "nothing: it is over";
      case FAILED ->
          "whimbrel migrate resume "
              + id
              + " after mending the cause, or whimbrel migrate cancel "
              + id;
    };
  }

  private static String soak(Migration migration) {
    return migration
        .soakUntil()
        .filter(until -> until.isAfter(Instant.now()))
        .map(until -> ", not before " + until.truncatedTo(ChronoUnit.SECONDS))
        .orElse("");
  }

  static String text(EmbeddingSpec spec) {
    String model = spec.model().name().isEmpty() ? "unnamed model" : spec.model().toString();
    String index =
        switch (spec.index()) {
          case IndexSpec.Flat _ -> "flat";
          case IndexSpec.Hnsw _ -> "hnsw";
          case IndexSpec.MultiVector _ -> "multi_vector";
        };
    return model
        + ", "
        + spec.dimension()
        + ", "
        + lower(spec.metric())
        + ", "
        + lower(spec.storage())
        + ", "
        + index
        + (spec.origin() == Origin.DERIVED ? ", derived" : "");
  }

  static String percent(int basisPoints) {
    return basisPoints % 100 == 0
        ? basisPoints / 100 + " %"
        : String.format(Locale.ROOT, "%.2f %%", basisPoints / 100.0);
  }

  static String text(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 60) {
      return seconds + " s";
    }
    if (seconds < 3600) {
      return seconds / 60 + " min " + seconds % 60 + " s";
    }
    return seconds < 86_400
        ? seconds / 3600 + " h " + seconds / 60 % 60 + " min"
        : seconds / 86_400 + " d " + seconds / 3600 % 24 + " h";
  }

  static String bytes(long bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  }

  static void print(Session session, MigrationPlan plan) throws IOException {
    if (session.json()) {
      session.printJson(json -> writeFields(json, plan));
      return;
    }
    PrintStream out = session.out();
    out.printf(
        Locale.ROOT,
        """
        points     %,d, of which a worker embeds %,d
        tokens     about %,d%s
        disk       %s of new vectors; at most %s in use on the way, %s free
        memory     %s for the new index
        time       %s
        spaces     %s to %s
        """,
        plan.points(),
        plan.pointsToEmbed(),
        plan.tokens(),
        plan.price() > 0 ? String.format(Locale.ROOT, ", %.2f at that price", plan.price()) : "",
        bytes(plan.diskBytes()),
        bytes(plan.diskPeakBytes()),
        bytes(plan.diskFreeBytes()),
        bytes(plan.memoryBytes()),
        plan.duration().map(MigrationReport::text).orElse("not known; give --points-per-second"),
        plan.fromSpaceId(),
        plan.toSpaceId());
    plan.warnings().forEach(warning -> out.println("warning    " + warning));
    out.println("nothing was changed");
  }

  private static void writeFields(JsonGenerator json, MigrationPlan plan) throws IOException {
    json.writeNumberField("points", plan.points());
    json.writeNumberField("points_to_embed", plan.pointsToEmbed());
    json.writeNumberField("tokens", plan.tokens());
    json.writeNumberField("price", plan.price());
    json.writeNumberField("disk_bytes", plan.diskBytes());
    json.writeNumberField("memory_bytes", plan.memoryBytes());
    json.writeNumberField("disk_peak_bytes", plan.diskPeakBytes());
    json.writeNumberField("disk_free_bytes", plan.diskFreeBytes());
    writeSeconds(json, "seconds", plan.duration());
    json.writeStringField("from_space_id", plan.fromSpaceId());
    json.writeStringField("to_space_id", plan.toSpaceId());
    json.writeArrayFieldStart("warnings");
    for (String warning : plan.warnings()) {
      json.writeString(warning);
    }
    json.writeEndArray();
  }

  static void writeFields(JsonGenerator json, Migration migration) throws IOException {
    json.writeStringField("id", migration.id());
    json.writeStringField("collection", migration.collection());
    json.writeStringField("field", migration.field());
    json.writeNumberField("from_version", migration.fromVersion());
    json.writeNumberField("to_version", migration.toVersion());
    json.writeStringField("from_space_id", migration.from().spaceId());
    json.writeStringField("to_space_id", migration.to().spaceId());
    json.writeStringField("state", lower(migration.state()));
    json.writeNumberField("revision", migration.revision());
    json.writeBooleanField("derived", migration.derived());
    json.writeBooleanField("verified", migration.verified());
    json.writeBooleanField("paused", migration.paused());
    json.writeStringField("paused_because", migration.pausedBecause());
    json.writeBooleanField("postponed", migration.postponed());
    writeProgress(json, migration.progress());
    json.writeNumberField("basis_points", migration.basisPoints());
    json.writeNumberField("epoch", migration.epoch());
    json.writeBooleanField("rollback_ready", migration.rollbackReady());
    json.writeNumberField("reverse_backlog", migration.reverseBacklog());
    json.writeNumberField("legacy_writes", migration.legacyWrites());
    json.writeNumberField("legacy_reads", migration.legacyReads());
    json.writeNumberField("mirror_percent", migration.mirrorPercent());
    json.writeStringField("failure", migration.failure());
    if (migration.vdiff().isPresent()) {
      json.writeObjectFieldStart("vdiff");
      writeFields(json, migration.vdiff().get());
      json.writeEndObject();
    }
    if (migration.schedule().isPresent()) {
      writeSchedule(json, migration.schedule().get());
    }
    json.writeArrayFieldStart("history");
    for (Migration.Event event : migration.history()) {
      json.writeStartObject();
      json.writeStringField("time", event.time().toString());
      json.writeStringField("state", lower(event.state()));
      json.writeNumberField("basis_points", event.basisPoints());
      json.writeStringField("actor", event.actor());
      json.writeStringField("reason", event.reason());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void writeProgress(JsonGenerator json, BackfillProgress progress)
      throws IOException {
    json.writeObjectFieldStart("progress");
    json.writeNumberField("live", progress.live());
    json.writeNumberField("done", progress.done());
    json.writeNumberField("backlog", progress.backlog());
    json.writeNumberField("leased", progress.leased());
    json.writeNumberField("dead_letters", progress.deadLetters());
    json.writeNumberField("waived", progress.waived());
    json.writeNumberField("rate", progress.rate());
    writeSeconds(json, "eta_seconds", progress.eta());
    json.writeStringField("wait_reason", progress.waitReason());
    json.writeNumberField("coverage", progress.coverage());
    writeSeconds(json, "search_p99_seconds", progress.searchP99());
    json.writeEndObject();
  }

  private static void writeSchedule(JsonGenerator json, Migration.ScheduleStatus status)
      throws IOException {
    json.writeObjectFieldStart("schedule");
    json.writeStringField("state", status.state());
    json.writeNumberField("step", status.step());
    json.writeStringField("held_by", status.heldBy());
    json.writeArrayFieldStart("steps");
    for (Schedule.Step step : status.schedule().steps()) {
      json.writeStartObject();
      json.writeNumberField("basis_points", step.basisPoints());
      json.writeNumberField("hold_seconds", step.hold().toSeconds());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  static void writeFields(JsonGenerator json, VDiff vdiff) throws IOException {
    json.writeStringField("state", lower(vdiff.state()));
    json.writeNumberField("checked", vdiff.checked());
    json.writeNumberField("total", vdiff.total());
    json.writeBooleanField("clean", vdiff.clean());
    json.writeStringField("failure", vdiff.failure());
    json.writeObjectFieldStart("faults");
    for (Map.Entry<String, Long> fault : new TreeMap<>(vdiff.faults()).entrySet()) {
      json.writeNumberField(fault.getKey(), fault.getValue());
    }
    json.writeEndObject();
    json.writeArrayFieldStart("examples");
    for (VDiff.Fault fault : vdiff.examples()) {
      json.writeStartObject();
      json.writeStringField("kind", fault.kind());
      json.writeStringField("id", fault.id());
      json.writeStringField("detail", fault.detail());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void writeSeconds(JsonGenerator json, String name, Optional<Duration> duration)
      throws IOException {
    if (duration.isPresent()) {
      json.writeNumberField(name, duration.get().toMillis() / 1e3);
    } else {
      json.writeNullField(name);
    }
  }

  /// Whether a watcher that waits for `state` has seen it: it is there, or the migration has gone
  /// past it.
  static boolean reached(Migration migration, MigrationState state) {
    return migration.state().ended()
        || migration.state() == state
        || migration.state() == MigrationState.FAILED
        || (state.ordinal() <= MigrationState.COMPLETED.ordinal()
            && migration.state().ordinal() <= MigrationState.COMPLETED.ordinal()
            && migration.state().ordinal() > state.ordinal());
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
