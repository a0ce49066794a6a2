package io.whimbrel.bench.workload;

import java.io.PrintStream;
import java.util.function.LongConsumer;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;

/// Shows how far a workload is.
final class Bars {
  private static final int WIDTH = 100;

  private Bars() {}

  /// A bar for each stretch; nothing where there is no terminal.
  static Load.Watcher on(PrintStream err) {
    return Boolean.getBoolean("whimbrel.terminal")
        ? (task, total) -> bar(err, task, total)
        : (task, total) -> stretch(done -> {}, () -> {});
  }

  private static Load.Watcher.Stretch bar(PrintStream err, String task, long total) {
    ProgressBar bar =
        new ProgressBarBuilder()
            .setTaskName(task)
            .setInitialMax(total)
            .setUnit(" points", 1)
            .showSpeed()
            .setConsumer(new ConsoleProgressBarConsumer(err, WIDTH))
            .build();
    return stretch(bar::stepTo, bar::close);
  }

  private static Load.Watcher.Stretch stretch(LongConsumer step, Runnable end) {
    return new Load.Watcher.Stretch() {
      @Override
      public void accept(long done) {
        step.accept(done);
      }

      @Override
      public void close() {
        end.run();
      }
    };
  }
}
