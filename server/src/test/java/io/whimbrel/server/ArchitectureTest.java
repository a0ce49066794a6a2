package io.whimbrel.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// The map of packages in docs/ARCHITECTURE.md: who may use whom, and the one door to each foreign
/// world.
class ArchitectureTest {
  private static final String BASE = "io.whimbrel.";

  /// Package to the packages it may use. A package that is not here fails the test.
  private static final Map<String, Set<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("core.model", Set.of()),
          Map.entry("core.memory", Set.of("core.model")),
          Map.entry("core.simd", Set.of("core.memory")),
          Map.entry("core.simd.panama", Set.of("core.memory", "core.simd")),
          Map.entry("core.quant", Set.of("core.model", "core.memory", "core.simd")),
          Map.entry("core.index", Set.of("core.model", "core.memory", "core.simd", "core.quant")),
          Map.entry("core.migration", Set.of("core.model")),
          Map.entry("core.store", Set.of("core.model")),
          Map.entry("core.evaluation", Set.of("core.model")),
          Map.entry("core.maxsim", Set.of("core.model", "core.memory", "core.simd", "core.index")),
          Map.entry("core.hnsw", Set.of("core.model", "core.memory", "core.simd", "core.index")),
          Map.entry("core.payload", Set.of("core.model", "core.store")),
          Map.entry("core.text", Set.of("core.model")),
          Map.entry(
              "core.collection",
              Set.of(
                  "core.model",
                  "core.memory",
                  "core.simd",
                  "core.quant",
                  "core.index",
                  "core.hnsw",
                  "core.maxsim",
                  "core.store",
                  "core.payload",
                  "core.text",
                  "core.migration")),
          Map.entry(
              "core.engine",
              Set.of(
                  "core.model",
                  "core.memory",
                  "core.simd",
                  "core.store",
                  "core.migration",
                  "core.evaluation",
                  "core.collection")),
          Map.entry("proto.v1", Set.of()),
          Map.entry("client", Set.of("client.internal", "client.migration", "proto.v1")),
          Map.entry("client.migration", Set.of("client", "client.internal", "proto.v1")),
          Map.entry("client.internal", Set.of("client", "client.migration", "proto.v1")),
          Map.entry("client.arrow", Set.of("client", "client.internal", "proto.v1")),
          Map.entry("server.ops", Set.of("core.model", "core.engine")),
          Map.entry(
              "server.wire", Set.of("core.model", "core.evaluation", "core.engine", "proto.v1")),
          Map.entry(
              "server.grpc",
              Set.of(
                  "core.model",
                  "core.evaluation",
                  "core.engine",
                  "server.wire",
                  "server.ops",
                  "proto.v1")),
          Map.entry(
              "server.flight",
              Set.of(
                  "core.model",
                  "core.engine",
                  "server.wire",
                  "server.ops",
                  "server.grpc",
                  "proto.v1")),
          Map.entry(
              "server",
              Set.of(
                  "core.model",
                  "core.engine",
                  "server.wire",
                  "server.ops",
                  "server.grpc",
                  "server.flight",
                  "proto.v1")),
          Map.entry("server.cli.json", Set.of("client")),
          Map.entry("server.cli.files", Set.of("client", "server.cli.json")),
          Map.entry("server.cli.demo", Set.of("client", "client.migration", "server.cli.files")),
          Map.entry(
              "server.cli",
              Set.of(
                  "client",
                  "client.migration",
                  "client.arrow",
                  "core.model",
                  "server",
                  "server.cli.demo",
                  "server.cli.files",
                  "server.cli.json")));

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.whimbrel");

  @Test
  void packagesUseOnlyWhatTheMapAllows() {
    Architectures.LayeredArchitecture map =
        Architectures.layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .ensureAllClassesAreContainedInArchitecture();
    for (String name : MAY_USE.keySet()) {
      map = map.layer(name).definedBy(BASE + name);
    }
    for (Map.Entry<String, Set<String>> entry : MAY_USE.entrySet()) {
      map =
          entry.getValue().isEmpty()
              ? map.whereLayer(entry.getKey()).mayNotAccessAnyLayer()
              : map.whereLayer(entry.getKey())
                  .mayOnlyAccessLayers(entry.getValue().toArray(String[]::new));
    }
    map.check(CLASSES);
  }

  @Test
  void corePackagesAreFreeOfCycles() {
    slices().matching("io.whimbrel.core.(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void eachForeignWorldHasOneDoor() {
    door("org.rocksdb..", "io.whimbrel.core.store");
    door("jdk.incubator.vector..", "io.whimbrel.core.simd.panama");
    door("io.grpc..", "io.whimbrel.server..", "io.whimbrel.client..", "io.whimbrel.proto..");
    door("org.apache.lucene..", "io.whimbrel.core.text", "io.whimbrel.bench..");
    door("org.apache.arrow..", "io.whimbrel.server.flight", "io.whimbrel.client.arrow");
    ArchRule cliSpeaksThroughTheSdk =
        noClasses()
            .that()
            .resideInAPackage("io.whimbrel.server.cli..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.whimbrel.core.engine..", "io.grpc..");
    cliSpeaksThroughTheSdk.check(CLASSES);
  }

  @Test
  void onlyMemoryMakesArenas() {
    assertThat(
            CLASSES.stream()
                .filter(type -> !type.getPackageName().equals("io.whimbrel.core.memory"))
                .filter(ArchitectureTest::makesAnArena)
                .map(JavaClass::getName))
        .isEmpty();
  }

  private static boolean makesAnArena(JavaClass type) {
    return type.getMethodCallsFromSelf().stream()
        .map(JavaCall::getTarget)
        .anyMatch(target ->
            target.getOwner().isEquivalentTo(Arena.class) && target.getName().startsWith("of"));
  }

  private static void door(String foreign, String... doors) {
    noClasses()
        .that()
        .resideOutsideOfPackages(doors)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(foreign)
        .check(CLASSES);
  }
}
