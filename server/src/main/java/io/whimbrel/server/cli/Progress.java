package io.whimbrel.server.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalLong;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/// How far a long command has come, on standard error: a bar on a terminal, a line every few
/// seconds elsewhere, nothing with `--json`.
sealed interface Progress extends AutoCloseable {
  /// Says that `done` points are done.
  void at(long done);

  @Override
  void close();

  static Progress start(Session session, String task, OptionalLong total) {
    if (session.json()) {
      return new Silent();
    }
    // The launcher looks; Java itself can only tell about standard input and output together.
    return Boolean.getBoolean("whimbrel.terminal")
        ? new Bar(session.err(), task, total)
        : new Lines(session.err(), task, total);
  }

  /// Shows nothing.
  record Silent() implements Progress {
    @Override
    public void at(long done) {}

    @Override
    public void close() {}
  }

  /// A bar with rate and time left.
  final class Bar implements Progress {
    private static final int WIDTH = 80;

    private final ProgressBar bar;

    Bar(PrintStream err, String task, OptionalLong total) {
      this.bar =
          new ProgressBarBuilder()
              .setTaskName(task)
              .setInitialMax(total.orElse(-1))
              .setUnit(" points", 1)
              .showSpeed()
              .setConsumer(new ConsoleProgressBarConsumer(err, WIDTH))
              .build();
    }

    @Override
    public void at(long done) {
      bar.stepTo(done);
    }

    @Override
    public void close() {
      bar.close();
    }
  }

  /// A plain line now and then.
  final class Lines implements Progress {
    private static final long NANOS_BETWEEN = Duration.ofSeconds(5).toNanos();

    private final PrintStream err;
    private final String task;
    private final OptionalLong total;
    private final long started = System.nanoTime();
    private long next = started + NANOS_BETWEEN;

    Lines(PrintStream err, String task, OptionalLong total) {
      this.err = err;
      this.task = task;
      this.total = total;
    }

    @Override
    public void at(long done) {
      long now = System.nanoTime();
      if (now - next < 0) {
        return;
      }
      next = now + NANOS_BETWEEN;
      double rate = done / ((now - started) / 1e9);
      String of = total.isPresent() ? " of " + total.getAsLong() : "";
      String left =
          total.isPresent() && rate > 0
              ? String.format(Locale.ROOT, ", %.0f s left", (total.getAsLong() - done) / rate)
              : "";
      err.printf(Locale.ROOT, "%s: %d%s points, %.0f/s%s%n", task, done, of, rate, left);
    }

    @Override
    public void close() {}
  }
}
