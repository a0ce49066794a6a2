package io.whimbrel.core.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class YieldingThreadsTest {
  /// Fields of `/proc/PID/stat` behind the name, from the state on.
  private static final int NICE = 16;

  private static int nice() throws IOException {
    String stat = Files.readString(Path.of("/proc/thread-self/stat"));
    return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[NICE]);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void onlyTheThreadsMadeHereYield() throws Exception {
    int before = nice();
    FutureTask<Integer> work = new FutureTask<>(YieldingThreadsTest::nice);
    Thread thread = YieldingThreads.named("quiet").newThread(work);
    thread.start();
    assertThat(work.get()).isEqualTo(19);
    assertThat(thread.isDaemon()).isTrue();
    assertThat(thread.getName()).isEqualTo("quiet");
    assertThat(nice()).isEqualTo(before);
  }
}
