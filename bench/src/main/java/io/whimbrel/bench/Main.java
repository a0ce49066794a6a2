package io.whimbrel.bench;

import io.whimbrel.bench.ann.AnnCommand;
import io.whimbrel.bench.graph.ChurnCommand;
import io.whimbrel.bench.graph.FilterCommand;
import io.whimbrel.bench.kernels.KernelsCommand;
import io.whimbrel.bench.maxsim.MaxSimCommand;
import io.whimbrel.bench.workload.LoadCommand;
import io.whimbrel.bench.workload.MigrationCommand;
import io.whimbrel.bench.workload.ServeCommand;
import io.whimbrel.bench.workload.StorageCommand;
import io.whimbrel.client.WhimbrelException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// Where the program starts.
public final class Main {
  private static final int FAILED = 1;

  private Main() {}

  public static void main(String[] args) {
    int code = run(args, System.out, System.err);
    System.out.flush();
    System.exit(code);
  }

  /// Runs one command line and returns the exit code: 0 done, 1 failed, 2 wrong usage.
  static int run(String[] args, PrintStream out, PrintStream err) {
    CommandLine line =
        new CommandLine(new Root())
            .addSubcommand(new LoadCommand(out, err))
            .addSubcommand(new AnnCommand(out, err))
            .addSubcommand(new KernelsCommand(out, err))
            .addSubcommand(new ChurnCommand(out, err))
            .addSubcommand(new FilterCommand(out, err))
            .addSubcommand(new MaxSimCommand(out, err))
            .addSubcommand(new ServeCommand(out, err))
            .addSubcommand(new StorageCommand(out, err))
            .addSubcommand(new MigrationCommand(out, err))
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setUsageHelpAutoWidth(true)
            .setOut(new PrintWriter(out, true, StandardCharsets.UTF_8))
            .setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    line.setExecutionExceptionHandler((e, command, result) -> {
      if (e instanceof WhimbrelException
          || e instanceof io.whimbrel.core.model.WhimbrelException
          || e instanceof IOException) {
        err.println("error: " + e.getMessage());
        return FAILED;
      }
      // A defect: its stack is what a report needs.
      throw e;
    });
    return line.execute(args);
  }

  @Command(
      name = "whimbrel bench",
      description = "Measure Whimbrel on this machine and check what it answers.",
      synopsisSubcommandLabel = "WORKLOAD",
      commandListHeading = "%nWorkloads:%n")
  private static final class Root implements Runnable {
    @Spec private CommandSpec spec = CommandSpec.create();

    // Never read: picocli prints the help instead of running the command.
    @SuppressWarnings("UnusedVariable")
    @Option(
        names = {"-h", "--help"},
        scope = CommandLine.ScopeType.INHERIT,
        usageHelp = true,
        description = "Show this help.")
    private boolean help;

    @Override
    public void run() {
      throw new ParameterException(
          spec.commandLine(), "a workload is missing; try: whimbrel bench --help");
    }
  }
}
