package io.whimbrel.server.cli;

import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.migration.BackfillProgress;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `migrate watch`.
@Command(
    name = "watch",
    description = {
      "Follow a migration until it has ended, or has come to a state.",
      "Counts are exact. A bar on a terminal, a line a change elsewhere; with --json one document a"
          + " line."
    },
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {"  whimbrel migrate watch docs", "  whimbrel migrate watch docs --until verifying"})
final class MigrateWatchCommand implements Callable<Integer> {
  private static final int BAR_WIDTH = 30;

  private final Session session;

  @Mixin private MigrationOption migration = new MigrationOption();

  @Option(
      names = "--until",
      defaultValue = "completed",
      paramLabel = "STATE",
      converter = MigrateCommands.StateConverter.class,
      description = "Return when it is here or further. Default: ${DEFAULT-VALUE}")
  private MigrationState until = MigrationState.COMPLETED;

  @Option(
      names = "--interval",
      defaultValue = "1s",
      paramLabel = "TIME",
      converter = MigrateCommands.SpanConverter.class,
      description = "At most one look in this time, at least 100ms. Default: ${DEFAULT-VALUE}")
  private Duration interval = Duration.ofSeconds(1);

  private boolean failed;

  MigrateWatchCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException {
    boolean bar = Boolean.getBoolean("whimbrel.terminal") && !session.json();
    try (WhimbrelClient client = session.connect()) {
      client
          .migrations()
          .watch(
              migration.id(client),
              interval,
              now -> {
                show(now, bar);
                failed = now.state() == MigrationState.FAILED;
                return !MigrationReport.reached(now, until);
              });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      if (bar) {
        session.err().println();
      }
    }
    return failed ? Main.FAILED : Main.DONE;
  }

  private void show(Migration now, boolean bar) {
    if (session.json()) {
      try {
        session.printJson(json -> MigrationReport.writeFields(json, now));
        session.out().flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    } else if (bar) {
      // Clears to the end of the line, since the text may get shorter.
      session.err().print("\r" + line(now) + "\u001b[K");
      session.err().flush();
    } else {
      session.out().println(line(now));
      session.out().flush();
    }
  }

  static String line(Migration now) {
    BackfillProgress progress = now.progress();
    double share = MigrationReport.share(progress);
    int full = (int) (share * BAR_WIDTH);
    return String.format(
        Locale.ROOT,
        "[%s%s] %5.1f %%  %,d/%,d  %,.0f/s  %s  %s%s  traffic %s",
        "#".repeat(full),
        ".".repeat(BAR_WIDTH - full),
        share * 100,
        progress.done(),
        progress.live(),
        progress.rate(),
        progress.eta().map(eta -> MigrationReport.text(eta) + " left").orElse("-"),
        now.state(),
        progress.waitReason().isEmpty() ? "" : " (" + progress.waitReason() + ")",
        MigrationReport.percent(now.basisPoints()));
  }
}
