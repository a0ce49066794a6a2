package io.whimbrel.server.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import com.fasterxml.jackson.core.JsonProcessingException;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.WhimbrelException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// Where the program starts.
public final class Main {
  static final int DONE = 0;
  static final int FAILED = 1;
  static final int WRONG_USAGE = 2;
  static final int NO_ANSWER = 3;

  private Main() {}

  public static void main(String[] args) {
    // Vectors and ids are text in any language, whatever the locale says.
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    PrintStream err = new PrintStream(System.err, true, StandardCharsets.UTF_8);
    int code = run(args, out, err);
    out.flush();
    System.exit(code);
  }

  /// Runs one command line and returns the exit code.
  public static int run(String[] args, PrintStream out, PrintStream err) {
    if (args.length == 0 || !args[0].equals("serve")) {
      quietLogs();
    }
    Session session = new Session(out, err);
    CommandLine line = commandLine(session);
    line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    line.setParameterExceptionHandler((e, arguments) -> wrongUsage(e, session));
    line.setExecutionExceptionHandler((e, command, result) -> failed(e, session));
    return line.execute(args);
  }

  /// Commands tell failures in their own words, so libraries log only what they cannot report
  /// otherwise.
  private static void quietLogs() {
    ((LoggerContext) LoggerFactory.getILoggerFactory())
        .getLoggerList()
        .forEach(logger -> logger.setLevel(Level.ERROR));
    java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.SEVERE);
  }

  static CommandLine commandLine(Session session) {
    CommandLine collection =
        new CommandLine(new CollectionCommands())
            .addSubcommand(new CollectionCommands.Create(session))
            .addSubcommand(new CollectionCommands.ListAll(session))
            .addSubcommand(new CollectionCommands.Describe(session))
            .addSubcommand(new CollectionCommands.Delete(session))
            .addSubcommand(
                new CommandLine(new CollectionCommands.Index())
                    .addSubcommand(new CollectionCommands.AddIndex(session))
                    .addSubcommand(new CollectionCommands.DropIndex(session))
                    .addSubcommand(new CollectionCommands.ListIndexes(session)))
            .addSubcommand(
                new CommandLine(new CollectionCommands.Field())
                    .addSubcommand(new CollectionCommands.AddField(session))
                    .addSubcommand(new CollectionCommands.DropField(session)))
            .addSubcommand(new AliasCommands(session))
            .addSubcommand(new CollectionCommands.Ttl(session));
    return new CommandLine(new RootCommand(session))
        .addSubcommand(ServeCommand.commandLine(session))
        .addSubcommand(
            new CommandLine(new DemoCommand(session))
                .addSubcommand(new MigrationDemoCommand(session))
                .addSubcommand(new ColbertDemoCommand(session)))
        .addSubcommand(collection)
        .addSubcommand(new ImportCommand(session))
        .addSubcommand(new ExportCommand(session))
        .addSubcommand(new SearchCommand(session))
        .addSubcommand(new FacetCommand(session))
        .addSubcommand(new NegativesCommand(session))
        .addSubcommand(MigrateCommands.commandLine(session))
        .addSubcommand(new PointCommands.Get(session))
        .addSubcommand(new PointCommands.Scroll(session))
        .addSubcommand(new PointCommands.Count(session))
        .addSubcommand(new PointCommands.Delete(session))
        .addSubcommand(new VersionCommand(session))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true);
  }

  private static int wrongUsage(ParameterException e, Session session) {
    String message = String.valueOf(e.getMessage());
    session.err().println("error: " + message);
    if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, session.err())) {
      session.err().println("see: whimbrel " + path(e.getCommandLine()) + "--help");
    }
    return WRONG_USAGE;
  }

  private static String path(CommandLine line) {
    CommandLine parent = line.getParent();
    return parent == null ? "" : path(parent) + line.getCommandName() + " ";
  }

  private static int failed(Exception e, Session session) throws Exception {
    Failure failure =
        switch (e) {
          case WhimbrelException w ->
              new Failure(w.code(), w.field(), String.valueOf(w.getMessage()));
          case IOException io -> ofInput(io);
          // A defect of this program: its stack is what a report needs.
          default -> throw e;
        };
    if (session.json()) {
      session.printJson(json -> {
        json.writeObjectFieldStart("error");
        json.writeStringField("code", failure.code().name());
        json.writeStringField("field", failure.field());
        json.writeStringField("message", failure.message());
        json.writeEndObject();
      });
    }
    String remedy = remedy(failure.code(), session);
    session
        .err()
        .println("error: " + sentence(failure, session) + (remedy.isEmpty() ? "" : "; " + remedy));
    return switch (failure.code()) {
      case UNAVAILABLE, DEADLINE_EXCEEDED -> NO_ANSWER;
      default -> FAILED;
    };
  }

  /// What a broken connection says of itself does not tell whose it was.
  private static String sentence(Failure failure, Session session) {
    return failure.code() == ErrorCode.UNAVAILABLE
        ? "no answer from " + session.address() + " (" + failure.message() + ")"
        : failure.message();
  }

  private static Failure ofInput(IOException e) {
    String message =
        switch (e) {
          case NoSuchFileException missing -> missing.getFile() + ": there is no such file";
          case JsonProcessingException json -> json.getOriginalMessage();
          default -> e.getMessage() == null ? e.toString() : e.getMessage();
        };
    return new Failure(ErrorCode.INVALID_ARGUMENT, "", message);
  }

  /// What the user can do; empty when the message says it.
  private static String remedy(ErrorCode code, Session session) {
    return switch (code) {
      case UNAVAILABLE ->
          "is a server running there? Start one with `whimbrel serve`, or name another with"
              + " --address";
      case DEADLINE_EXCEEDED -> "allow more time with --deadline";
      case COLLECTION_NOT_FOUND ->
          "`whimbrel collection list` shows what there is, `whimbrel collection create` or"
              + " `import --create` makes one";
      case ALIAS_NOT_FOUND, ALIAS_EXISTS -> "`whimbrel collection alias` shows what there is";
      case INDEX_NOT_READY -> "`whimbrel collection describe` shows how far it is";
      case COLLECTION_EXISTS ->
          "choose another name, or delete it with `whimbrel collection delete`";
      case UNKNOWN_FIELD, UNKNOWN_VERSION, DIMENSION_MISMATCH ->
          "`whimbrel collection describe` shows fields, versions and dimensions";
      case MIGRATION_NOT_FOUND -> "`whimbrel migrate status` shows what there is";
      case GOLDEN_SET_NOT_FOUND ->
          "give its files once: `whimbrel migrate evaluate --help` says which";
      case MIGRATION_EXISTS ->
          "`whimbrel migrate status` shows it; complete or cancel it before the next";
      case MIGRATION_STATE -> "`whimbrel migrate status` shows the state and what comes next";
      case SPACE_MISMATCH, SPACE_REQUIRED, OLD_SPACE, ROUTING_STALE ->
          "`whimbrel migrate policy` shows which version takes vectors of which space";
      case OVERLOADED, READ_ONLY, OUTCOME_UNKNOWN -> "the server's log says why";
      default -> "";
    };
  }

  private record Failure(ErrorCode code, String field, String message) {}
}
