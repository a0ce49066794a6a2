package io.whimbrel.core.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class KernelProviderTest {
  private static final String VECTORS = "--add-modules=jdk.incubator.vector";

  /// Prints the kernels that a JVM chooses.
  static final class Describe {
    private Describe() {}

    public static void main(String[] args) {
      System.out.println("kernels: " + KernelProvider.best().describe());
    }
  }

  @Test
  void choosesTheSameAlways() {
    assertThat(KernelProvider.best()).isSameAs(KernelProvider.best());
  }

  @Test
  void fallsBackToPlainJavaWithoutTheVectorModule() throws Exception {
    assertThat(describeInChild()).contains("kernels: scalar");
  }

  @Test
  void takesTheForcedKind() throws Exception {
    assertThat(describeInChild(VECTORS, "-Dwhimbrel.simd=scalar")).contains("kernels: scalar");
    assertThat(describeInChild(VECTORS, "-Dwhimbrel.simd=256")).contains("kernels: panama 256-bit");
  }

  @Test
  void refusesAnUnknownKind() throws Exception {
    assertThat(describeInChild(VECTORS, "-Dwhimbrel.simd=wide"))
        .doesNotContain("kernels:")
        .contains("whimbrel.simd: wide (expected: auto, scalar, 512, 256, 128)");
  }

  @Test
  void warmsUpWithinItsBound() {
    for (Kernels kernels : List.of(KernelProvider.best(), new ScalarKernels())) {
      KernelProvider.WarmUp done = KernelProvider.warmUp(kernels);
      assertThat(done.nanosPerValue()).isPositive().isFinite();
      assertThat(done.fast()).isEqualTo(done.nanosPerValue() <= 1.5);
    }
  }

  @Test
  void refusesRowsBeyondTheSegment() {
    for (Kernels kernels : List.of(KernelProvider.best(), new ScalarKernels())) {
      try (var query = io.whimbrel.core.memory.Region.confined(64)) {
        assertThatThrownBy(
                () -> kernels.dot(query.segment(), query.segment(), 0, 2, 64, 16, new float[2], 0))
            .isInstanceOf(IndexOutOfBoundsException.class);
      }
    }
  }

  private static String describeInChild(String... flags)
      throws IOException, InterruptedException, URISyntaxException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(Arrays.asList(flags));
    command.add("-cp");
    command.add(
        location(KernelProvider.class) + java.io.File.pathSeparator + location(Describe.class));
    command.add(Describe.class.getName());
    Process child = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    child.waitFor();
    return output;
  }

  private static Path location(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }
}
