package io.whimbrel.server.cli;

import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Origin;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.migration.DeadLetters;
import io.whimbrel.client.migration.LegacyWrite;
import io.whimbrel.client.migration.Migration;
import io.whimbrel.client.migration.MigrationSpec;
import io.whimbrel.client.migration.MigrationState;
import io.whimbrel.client.migration.Migrations;
import io.whimbrel.client.migration.RoutingPolicy;
import io.whimbrel.client.migration.Schedule;
import io.whimbrel.client.migration.StaleRead;
import io.whimbrel.client.migration.Throttle;
import io.whimbrel.client.migration.VDiff;
import io.whimbrel.server.cli.json.Json;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `migrate ...`: from one embedding model to the next while reads and writes go on.
@Command(
    name = "migrate",
    description = "Change the embedding model of a vector field while reads and writes go on.",
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nIn this order:%n",
    footer = {
      "  whimbrel migrate plan -c docs --dimension 1024 --model cohere/embed-english-v3.0",
      "  whimbrel migrate start -c docs --dimension 1024 --model cohere/embed-english-v3.0",
      "  whimbrel migrate backfill docs --vectors new.npy     or a worker of the Java SDK",
      "  whimbrel migrate watch docs --until verifying",
      "  whimbrel migrate verify docs",
      "  whimbrel migrate switch docs 10                      per cent of the reads",
      "  whimbrel migrate reverse docs                        all reads back, at any time",
      "  whimbrel migrate switch docs 100",
      "  whimbrel migrate complete docs --confirm docs        no way back from here",
      "",
      "MIGRATION is an id, or the collection when it has one migration that goes on."
    })
final class MigrateCommands implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  static CommandLine commandLine(Session session) {
    return new CommandLine(new MigrateCommands())
        .addSubcommand(new Plan(session))
        .addSubcommand(new Start(session))
        .addSubcommand(new Status(session))
        .addSubcommand(new MigrateWatchCommand(session))
        .addSubcommand(new MigrateBackfillCommand(session))
        .addSubcommand(new Pause(session))
        .addSubcommand(new Resume(session))
        .addSubcommand(new SetThrottle(session))
        .addSubcommand(new ShowDeadLetters(session))
        .addSubcommand(new Verify(session))
        .addSubcommand(new MigrateEvaluateCommand(session))
        .addSubcommand(new Mirror(session))
        .addSubcommand(new Switch(session))
        .addSubcommand(new Postpone(session))
        .addSubcommand(new Unpostpone(session))
        .addSubcommand(new Reverse(session))
        .addSubcommand(new Complete(session))
        .addSubcommand(new Cancel(session))
        .addSubcommand(new Policy(session));
  }

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "a command is missing; try: whimbrel migrate --help");
  }

  /// What the new version is.
  static final class TargetOptions {
    @Option(
        names = {"-c", "--collection"},
        required = true,
        paramLabel = "NAME",
        description = "Collection.")
    private String collection = "";

    @Option(
        names = "--dimension",
        required = true,
        paramLabel = "N",
        description = "Numbers in a vector of the new version.")
    private int dimension;

    @Mixin private SpecOptions options = new SpecOptions();

    @Option(
        names = "--derived",
        description =
            "The server computes the new vectors, and those of queries, from the old ones: fewer"
                + " dimensions, another storage, index or metric. No client changes.")
    private boolean derived;

    @Option(
        names = "--source-fields",
        split = ",",
        paramLabel = "NAMES",
        description =
            "Payload fields that the vectors are made from; a change of others costs nothing.")
    private List<String> sourceFields = List.of();

    @Option(names = "--normalized", description = "The model gives vectors of unit length.")
    private boolean normalized;

    @Option(
        names = "--document-prefix",
        defaultValue = "",
        paramLabel = "TEXT",
        description = "What the model wants before documents.")
    private String documentPrefix = "";

    @Option(
        names = "--query-prefix",
        defaultValue = "",
        paramLabel = "TEXT",
        description = "What the model wants before queries.")
    private String queryPrefix = "";

    MigrationSpec.Builder spec() {
      EmbeddingSpec base = options.spec(dimension);
      return MigrationSpec.builder(
              collection,
              EmbeddingSpec.builder(dimension, base.metric())
                  .model(base.model())
                  .cardinality(base.cardinality())
                  .storage(base.storage())
                  .index(base.index())
                  .sourceFields(sourceFields)
                  .origin(derived ? Origin.DERIVED : Origin.CLIENT)
                  .normalized(normalized)
                  .documentPrefix(documentPrefix)
                  .queryPrefix(queryPrefix)
                  .build())
          .field(options.field());
    }
  }

  /// `migrate plan`.
  @Command(
      name = "plan",
      description = "Say what a migration would cost. Changes nothing.",
      sortOptions = false,
      footerHeading = "%nExample:%n",
      footer = {
        "  whimbrel migrate plan -c docs --dimension 1024 --model cohere/embed-english-v3.0 \\",
        "      --price 0.10 --points-per-second 500"
      })
  static final class Plan implements Callable<Integer> {
    private final Session session;

    @Mixin private TargetOptions target = new TargetOptions();

    @Option(
        names = "--price",
        defaultValue = "0",
        paramLabel = "X",
        description = "Price of a million tokens, for the estimate.")
    private double price;

    @Option(
        names = "--points-per-second",
        defaultValue = "0",
        paramLabel = "X",
        description = "How fast the workers embed, for the estimate.")
    private double pointsPerSecond;

    Plan(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        MigrationReport.print(
            session, client.migrations().plan(target.spec().build(), price, pointsPerSecond));
      }
      return Main.DONE;
    }
  }

  /// `migrate start`.
  @Command(
      name = "start",
      description = {
        "Make the new version and send writes to both from here on.",
        "Every point waits in the backlog for its new vector; nothing changes for reads."
      },
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel migrate start -c docs --dimension 1024 --model cohere/embed-english-v3.0 --soak"
            + " 7d",
        "  whimbrel migrate start -c docs --dimension 256 --derived --model openai/text-embedding-3"
      })
  static final class Start implements Callable<Integer> {
    private final Session session;

    @Mixin private TargetOptions target = new TargetOptions();

    @Option(
        names = "--legacy-writes",
        defaultValue = "enqueue",
        description =
            "Writes with a vector for the old version only: enqueue the point for the workers, or"
                + " reject. Default: ${DEFAULT-VALUE}")
    private LegacyWrite legacyWrite = LegacyWrite.ENQUEUE;

    @Option(
        names = "--stale-reads",
        defaultValue = "exclude",
        description =
            "Points whose vector was made from older content: exclude or serve."
                + " Default: ${DEFAULT-VALUE}")
    private StaleRead staleRead = StaleRead.EXCLUDE;

    @Option(
        names = "--allow-new-only",
        description = "Take writes with a vector for the new version only, before the switch.")
    private boolean allowNewOnly;

    @Option(
        names = "--soak",
        defaultValue = "0s",
        paramLabel = "TIME",
        converter = SpanConverter.class,
        description =
            "How long the old version stays after the switch before complete: 12h, 7d."
                + " Default: ${DEFAULT-VALUE}")
    private Duration soak = Duration.ZERO;

    @Mixin private ThrottleOptions throttle = new ThrottleOptions();
    @Mixin private ReasonOption reason = new ReasonOption();

    Start(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      MigrationSpec spec =
          target
              .spec()
              .legacyWrite(legacyWrite)
              .staleRead(staleRead)
              .allowNewOnly(allowNewOnly)
              .soak(soak)
              .throttle(throttle.throttle())
              .reason(reason.text)
              .build();
      try (WhimbrelClient client = session.connect()) {
        MigrationReport.print(session, client.migrations().create(spec));
      }
      return Main.DONE;
    }
  }

  /// `migrate status`.
  @Command(
      name = "status",
      description = "Show a migration, or all of them.",
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {"  whimbrel migrate status docs", "  whimbrel migrate status --json"})
  static final class Status implements Callable<Integer> {
    private final Session session;

    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "MIGRATION",
        description = "Id, or a collection; all migrations when not given.")
    private @Nullable String name;

    Status(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        Migrations migrations = client.migrations();
        if (name != null) {
          try {
            MigrationReport.print(session, migrations.get(name));
            return Main.DONE;
          } catch (WhimbrelException e) {
            if (e.code() != ErrorCode.MIGRATION_NOT_FOUND) {
              throw e;
            }
          }
        }
        List<Migration> listed = migrations.list(name == null ? "" : name);
        List<Migration> open = listed.stream().filter(m -> !m.state().ended()).toList();
        if (name != null && open.size() == 1) {
          MigrationReport.print(session, migrations.get(open.getFirst().id()));
        } else {
          print(listed);
        }
      }
      return Main.DONE;
    }

    private void print(List<Migration> all) throws IOException {
      if (session.json()) {
        session.printJson(json -> {
          json.writeArrayFieldStart("migrations");
          for (Migration migration : all) {
            json.writeStartObject();
            MigrationReport.writeFields(json, migration);
            json.writeEndObject();
          }
          json.writeEndArray();
        });
      } else if (all.isEmpty()) {
        session.out().println("no migrations; begin with: whimbrel migrate plan --help");
      } else {
        for (Migration migration : all) {
          session
              .out()
              .printf(
                  Locale.ROOT,
                  "%-10s %-20s %-12s version %d to %d  %-11s %5.1f %%  traffic %s%n",
                  migration.id(),
                  migration.collection(),
                  migration.field(),
                  migration.fromVersion(),
                  migration.toVersion(),
                  migration.state(),
                  100 * MigrationReport.share(migration.progress()),
                  MigrationReport.percent(migration.basisPoints()));
        }
      }
    }
  }

  /// A verb on one migration that is answered with the migration.
  abstract static class Verb implements Callable<Integer> {
    private final Session session;

    @Mixin private MigrationOption migration = new MigrationOption();

    Verb(Session session) {
      this.session = session;
    }

    Session session() {
      return session;
    }

    abstract Migration run(Migrations migrations, String id);

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        Migration answer = run(client.migrations(), migration.id(client));
        if (session.json()) {
          MigrationReport.print(session, answer);
        } else {
          MigrationReport.printText(session.out(), client.migrations().get(answer.id()));
        }
      }
      return Main.DONE;
    }
  }

  /// Why, for the history.
  static final class ReasonOption {
    @Option(
        names = "--reason",
        defaultValue = "",
        paramLabel = "TEXT",
        description = "Why; kept in the history of the migration.")
    String text = "";
  }

  /// `migrate pause`.
  @Command(
      name = "pause",
      description = "Hand out no more work to workers. Writes go on to both versions.")
  static final class Pause extends Verb {
    Pause(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.pause(id);
    }
  }

  /// `migrate resume`.
  @Command(name = "resume", description = "Hand out work again; also after a failure.")
  static final class Resume extends Verb {
    Resume(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.resume(id);
    }
  }

  /// The limits of a backfill; none holds unless given.
  static final class ThrottleOptions {
    @Option(
        names = "--points-per-second",
        defaultValue = "0",
        paramLabel = "X",
        description = "Backfill at most so many points a second.")
    private double pointsPerSecond;

    @Option(
        names = "--bytes-per-second",
        defaultValue = "0",
        paramLabel = "X",
        description = "Backfill at most so many bytes of vectors a second.")
    private double bytesPerSecond;

    @Option(
        names = "--nice",
        defaultValue = "0",
        paramLabel = "X",
        description = "Rest X times as long as a batch took.")
    private double nice;

    @Option(
        names = "--search-p99-max",
        defaultValue = "0s",
        paramLabel = "TIME",
        converter = SpanConverter.class,
        description = "Rest while the 99th percentile of searches is above.")
    private Duration searchP99Max = Duration.ZERO;

    @Option(
        names = "--critical-search-p99",
        defaultValue = "0s",
        paramLabel = "TIME",
        converter = SpanConverter.class,
        description = "Pause, until resumed, when it is above this.")
    private Duration criticalSearchP99 = Duration.ZERO;

    Throttle throttle() {
      return new Throttle(pointsPerSecond, bytesPerSecond, nice, searchP99Max, criticalSearchP99);
    }
  }

  /// `migrate throttle`.
  @Command(
      name = "throttle",
      description = "Hold the backfill back so that searches stay fast. Limits not given are off.",
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel migrate throttle docs --points-per-second 500 --search-p99-max 30ms",
        "  whimbrel migrate throttle docs"
      })
  static final class SetThrottle extends Verb {
    @Mixin private ThrottleOptions throttle = new ThrottleOptions();

    SetThrottle(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.setThrottle(id, throttle.throttle());
    }
  }

  /// `migrate dead-letters`.
  @Command(
      name = "dead-letters",
      description = "Show points that were given up, retry them, or accept them as they are.",
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel migrate dead-letters docs",
        "  whimbrel migrate dead-letters docs --retry",
        "  whimbrel migrate dead-letters docs --waive --reason 'empty texts'"
      })
  static final class ShowDeadLetters implements Callable<Integer> {
    private static final int PAGE = 100;

    private final Session session;

    @Mixin private MigrationOption migration = new MigrationOption();

    @Option(names = "--retry", description = "Put all that are not waived back into the backlog.")
    private boolean retry;

    @Option(
        names = "--waive",
        description = "Accept that those of now have no new vector; searches will not find them.")
    private boolean waive;

    @Mixin private ReasonOption reason = new ReasonOption();
    @Spec private CommandSpec spec = CommandSpec.create();

    ShowDeadLetters(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      if (retry && waive) {
        throw new ParameterException(spec.commandLine(), "--retry and --waive exclude each other");
      }
      try (WhimbrelClient client = session.connect()) {
        String id = migration.id(client);
        if (retry) {
          MigrationReport.print(session, client.migrations().retryDeadLetters(id));
        } else if (waive) {
          MigrationReport.print(session, client.migrations().waiveDeadLetters(id, reason.text));
        } else {
          show(client.migrations(), id);
        }
      }
      return Main.DONE;
    }

    private void show(Migrations migrations, String id) throws IOException {
      DeadLetters page = migrations.deadLetters(id, PAGE, DeadLetters.START);
      if (session.json()) {
        session.printJson(json -> {
          json.writeArrayFieldStart("dead_letters");
          for (DeadLetters.DeadLetter letter : page.entries()) {
            json.writeStartObject();
            json.writeFieldName("id");
            Json.writeId(json, letter.id());
            json.writeStringField("reason", letter.reason());
            json.writeNumberField("attempts", letter.attempts());
            json.writeBooleanField("waived", letter.waived());
            json.writeEndObject();
          }
          json.writeEndArray();
          json.writeBooleanField("more", !page.nextCursor().isEmpty());
        });
        return;
      }
      for (DeadLetters.DeadLetter letter : page.entries()) {
        session
            .out()
            .printf(
                Locale.ROOT,
                "%s  %d attempts%s  %s%n",
                letter.id(),
                letter.attempts(),
                letter.waived() ? ", waived" : "",
                letter.reason());
      }
      session
          .err()
          .println(
              page.entries().isEmpty()
                  ? "no dead letters"
                  : page.nextCursor().isEmpty()
                      ? ""
                      : "there are more; these are the first " + PAGE);
    }
  }

  /// `migrate verify`.
  @Command(
      name = "verify",
      description = {
        "Compare both versions point by point and wait for the result.",
        "Without a fault the migration becomes ready for traffic. A fault is a point without its"
            + " new vector, with one made from older content, of another length, not finite, or"
            + " without a point; all points are looked at, not a sample."
      },
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel migrate verify docs",
        "  whimbrel migrate verify docs --stop",
        "  whimbrel migrate verify docs --skip --reason 'checked by hand'"
      })
  static final class Verify implements Callable<Integer> {
    private static final Duration LOOK_EVERY = Duration.ofMillis(200);

    private final Session session;

    @Mixin private MigrationOption migration = new MigrationOption();

    @Option(names = "--no-wait", description = "Return at once; the comparison goes on.")
    private boolean noWait;

    @Option(names = "--stop", description = "Stop a comparison; --resume goes on from there.")
    private boolean stop;

    @Option(names = "--resume", description = "Go on with a comparison that was stopped.")
    private boolean resume;

    @Option(names = "--skip", description = "Take it on your word: ready without a comparison.")
    private boolean skip;

    @Mixin private ReasonOption reason = new ReasonOption();

    Verify(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      try (WhimbrelClient client = session.connect()) {
        Migrations migrations = client.migrations();
        String id = migration.id(client);
        if (skip) {
          MigrationReport.print(session, migrations.skipVerification(id, reason.text));
          return Main.DONE;
        }
        VDiff vdiff =
            stop
                ? migrations.stopVDiff(id)
                : resume ? migrations.resumeVDiff(id) : migrations.startVDiff(id);
        if (!noWait && !stop) {
          vdiff = await(migrations, id, vdiff);
        }
        print(vdiff);
        return vdiff.clean() || noWait || stop ? Main.DONE : Main.FAILED;
      }
    }

    private VDiff await(Migrations migrations, String id, VDiff started) {
      VDiff vdiff = started;
      try (Progress progress =
          Progress.start(session, "verify", OptionalLong.of(Math.max(1, vdiff.total())))) {
        while (vdiff.state() == VDiff.State.RUNNING) {
          progress.at(vdiff.checked());
          Thread.sleep(LOOK_EVERY);
          vdiff = migrations.vdiff(id);
        }
        progress.at(vdiff.checked());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return vdiff;
    }

    private void print(VDiff vdiff) throws IOException {
      if (session.json()) {
        session.printJson(json -> MigrationReport.writeFields(json, vdiff));
      } else {
        session.out().println(MigrationReport.text(vdiff));
        MigrationReport.printFaults(session.out(), vdiff);
      }
    }
  }

  /// `migrate mirror`.
  @Command(
      name = "mirror",
      description = {
        "Send a share of the reads to the new version as well, and compare.",
        "No answer changes and no deadline suffers; under load mirrored reads are dropped."
      },
      footerHeading = "%nExample:%n",
      footer = "  whimbrel migrate mirror docs 5")
  static final class Mirror extends Verb {
    @Parameters(index = "1", paramLabel = "PERCENT", description = "0 to 100; 0 ends it.")
    private int percent;

    Mirror(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.mirror(id, percent);
    }
  }

  /// `migrate switch`.
  @Command(
      name = "switch",
      description = {
        "Let the new version answer a share of the reads, now or by a schedule.",
        "Equal routing keys are answered alike, and who is in at 10 % stays in at 20 %. The old"
            + " version goes on taking writes."
      },
      sortOptions = false,
      footerHeading = "%nExamples:%n",
      footer = {
        "  whimbrel migrate switch docs 0.5",
        "  whimbrel migrate switch docs 100 --dry-run",
        "  whimbrel migrate switch docs --schedule default",
        "  whimbrel migrate switch docs --schedule 1:1h,10:24h,50:24h,100:7d"
      })
  static final class Switch extends Verb {
    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "PERCENT",
        description = "0 to 100, in steps of 0.01.")
    private @Nullable Double percent;

    @Option(
        names = "--schedule",
        paramLabel = "STEPS",
        description =
            "PERCENT:TIME,... each held so long and until its gates pass; default is 1 % for an"
                + " hour, then 10 % more a day.")
    private @Nullable String schedule;

    @Option(names = "--dry-run", description = "Refuse what would be refused, and change nothing.")
    private boolean dryRun;

    @Option(
        names = "--expected-epoch",
        defaultValue = "0",
        paramLabel = "N",
        description = "Refuse unless this routing policy is in force.")
    private long expectedEpoch;

    @Mixin private ReasonOption reason = new ReasonOption();
    @Spec private CommandSpec spec = CommandSpec.create();

    Switch(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      Migrations.SwitchOptions options =
          new Migrations.SwitchOptions(dryRun, expectedEpoch, reason.text);
      if ((percent == null) == (schedule == null)) {
        throw new ParameterException(spec.commandLine(), "give PERCENT or --schedule, one of both");
      }
      return schedule != null
          ? migrations.switchTraffic(id, parse(spec, schedule), options)
          : migrations.switchTraffic(id, basisPoints(spec, percent), options);
    }

    static Schedule parse(CommandSpec spec, String text) {
      if (text.equals("default")) {
        return Schedule.DEFAULT;
      }
      return new Schedule(
          List.of(text.split(",", -1)).stream().map(step -> step(spec, step)).toList(),
          Schedule.Gates.DEFAULT);
    }

    private static Schedule.Step step(CommandSpec spec, String text) {
      int colon = text.indexOf(':');
      try {
        if (colon > 0) {
          return new Schedule.Step(
              basisPoints(spec, Double.parseDouble(text.substring(0, colon))),
              new SpanConverter().convert(text.substring(colon + 1)));
        }
      } catch (NumberFormatException | CommandLine.TypeConversionException e) {
        // Refused below.
      }
      throw new ParameterException(
          spec.commandLine(),
          "--schedule: \"" + text + "\" (expected: PERCENT:TIME, for example 10:24h)");
    }

    private static int basisPoints(CommandSpec spec, @Nullable Double percent) {
      double value = percent == null ? Double.NaN : percent;
      double points = Math.rint(value * 100);
      if (!(value >= 0 && value <= 100) || Math.abs(points - value * 100) > 1e-6) {
        throw new ParameterException(
            spec.commandLine(), "PERCENT: " + percent + " (expected: 0 to 100 in steps of 0.01)");
      }
      return (int) points;
    }
  }

  /// `migrate postpone`.
  @Command(name = "postpone", description = "Hold the traffic schedule where it is.")
  static final class Postpone extends Verb {
    Postpone(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.postpone(id);
    }
  }

  /// `migrate unpostpone`.
  @Command(name = "unpostpone", description = "Let the traffic schedule go on.")
  static final class Unpostpone extends Verb {
    Unpostpone(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.unpostpone(id);
    }
  }

  /// `migrate reverse`.
  @Command(
      name = "reverse",
      description = "All reads back to the old version, in one step. Both go on taking writes.",
      footerHeading = "%nExample:%n",
      footer = "  whimbrel migrate reverse docs --reason 'more empty answers'")
  static final class Reverse extends Verb {
    @Mixin private ReasonOption reason = new ReasonOption();

    Reverse(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.reverse(id, reason.text);
    }
  }

  /// `migrate complete`.
  @Command(
      name = "complete",
      description = {
        "End the migration and give the space of the old version back. There is no way back.",
        "Refused before all reads are answered by the new version, before the soak time is over,"
            + " and while the old version lags, has readers, or points are dead letters."
      },
      sortOptions = false,
      footerHeading = "%nExample:%n",
      footer = "  whimbrel migrate complete docs --confirm docs")
  static final class Complete extends Verb {
    @Option(
        names = "--confirm",
        required = true,
        paramLabel = "NAME",
        description = "The name of the collection.")
    private String confirm = "";

    @Option(names = "--keep-data", description = "Leave the old version's vectors on disk.")
    private boolean keepData;

    @Option(
        names = "--force",
        description = "Although it is refused as unsafe; the refusal says what is lost.")
    private boolean force;

    Complete(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.complete(id, confirm, keepData, force);
    }
  }

  /// `migrate cancel`.
  @Command(
      name = "cancel",
      description = "End the migration and drop the new version; only while no read goes to it.")
  static final class Cancel extends Verb {
    @Mixin private ReasonOption reason = new ReasonOption();

    Cancel(Session session) {
      super(session);
    }

    @Override
    Migration run(Migrations migrations, String id) {
      return migrations.cancel(id, reason.text);
    }
  }

  /// `migrate policy`.
  @Command(
      name = "policy",
      description = "Show which version answers whom.",
      sortOptions = false,
      footerHeading = "%nExample:%n",
      footer = "  whimbrel migrate policy -c docs --key user-17")
  static final class Policy implements Callable<Integer> {
    private final Session session;

    @Mixin private CollectionOption collection = new CollectionOption();

    @Option(
        names = "--field",
        defaultValue = "default",
        paramLabel = "NAME",
        description = "Vector field. Default: ${DEFAULT-VALUE}")
    private String field = "default";

    @Option(names = "--key", paramLabel = "TEXT", description = "Also: who answers this key.")
    private @Nullable String key;

    Policy(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws IOException {
      RoutingPolicy policy;
      try (WhimbrelClient client = session.connect()) {
        policy = client.migrations().routingPolicy(collection.name(), field);
      }
      if (session.json()) {
        printJson(policy);
      } else {
        printText(policy);
      }
      return Main.DONE;
    }

    private void printJson(RoutingPolicy policy) throws IOException {
      session.printJson(json -> {
        json.writeNumberField("epoch", policy.epoch());
        json.writeStringField("salt", policy.salt());
        json.writeNumberField("basis_points", policy.basisPoints());
        json.writeNumberField("from_version", policy.fromVersion());
        json.writeNumberField("to_version", policy.toVersion());
        json.writeArrayFieldStart("versions");
        for (RoutingPolicy.Version version : policy.versions()) {
          json.writeStartObject();
          json.writeNumberField("number", version.number());
          json.writeStringField("model", version.spec().model().toString());
          json.writeStringField("input_space_id", version.inputSpaceId());
          json.writeNumberField("input_dimension", version.inputDimension());
          json.writeBooleanField("takes_writes", version.takesWrites());
          json.writeEndObject();
        }
        json.writeEndArray();
        if (key != null) {
          json.writeNumberField("bucket", RoutingPolicy.bucket(policy.salt(), key));
          json.writeNumberField("answered_by", policy.pick(key).number());
        }
      });
    }

    private void printText(RoutingPolicy policy) {
      session
          .out()
          .printf(
              Locale.ROOT,
              "epoch %d: %s of the buckets are answered by version %d, the others by %d%n",
              policy.epoch(),
              MigrationReport.percent(policy.basisPoints()),
              policy.toVersion(),
              policy.fromVersion());
      for (RoutingPolicy.Version version : policy.versions()) {
        session
            .out()
            .printf(
                Locale.ROOT,
                "  version %d: %s; clients send %d numbers in space %s%s%n",
                version.number(),
                MigrationReport.text(version.spec()),
                version.inputDimension(),
                version.inputSpaceId(),
                version.takesWrites() ? "; takes writes" : "");
      }
      if (key != null) {
        session
            .out()
            .printf(
                Locale.ROOT,
                "  key \"%s\": bucket %d, answered by version %d%n",
                key,
                RoutingPolicy.bucket(policy.salt(), key),
                policy.pick(key).number());
      }
    }
  }

  /// A time from nothing to years: 500ms, 30s, 2m, 12h, 7d.
  static final class SpanConverter implements CommandLine.ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      String digits = text.replaceAll("[a-z]+$", "");
      try {
        long amount = Long.parseLong(digits);
        if (amount >= 0 && amount <= 1_000_000_000L) {
          switch (text.substring(digits.length())) {
            case "ms" -> {
              return Duration.ofMillis(amount);
            }
            case "s" -> {
              return Duration.ofSeconds(amount);
            }
            case "m" -> {
              return Duration.ofMinutes(amount);
            }
            case "h" -> {
              return Duration.ofHours(amount);
            }
            case "d" -> {
              return Duration.ofDays(amount);
            }
            default -> {
              // Refused below.
            }
          }
        }
      } catch (NumberFormatException e) {
        // Refused below.
      }
      throw new CommandLine.TypeConversionException(
          '"' + text + "\" is not a time (expected: for example 500ms, 30s, 2m, 12h or 7d)");
    }
  }

  /// The state that a watcher waits for, by its lower-case name.
  static final class StateConverter implements CommandLine.ITypeConverter<MigrationState> {
    @Override
    public MigrationState convert(String text) {
      try {
        return MigrationState.valueOf(text.toUpperCase(Locale.ROOT).replace('-', '_'));
      } catch (IllegalArgumentException e) {
        throw new CommandLine.TypeConversionException(
            '"' + text + "\" is not a state (expected: for example verifying, ready or completed)");
      }
    }
  }
}
