package io.whimbrel.core.memory;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Platform threads that run when no other thread wants their processor, for work that nobody waits
/// for. On Linux they have the least priority there is (nice 19), about a sixtieth of an ordinary
/// thread's share under full load; elsewhere they are ordinary threads.
///
/// Measured with both processors held by such threads: a thread that wakes runs after 0.1 ms at the
/// 99th percentile; after 20 to 35 ms beside ordinary ones. Java's own priorities do nothing on
/// Linux without flags that concern the compiler's threads too.
public final class YieldingThreads {
  private static final Logger LOG = LoggerFactory.getLogger(YieldingThreads.class);

  // From sys/resource.h. On Linux a priority is that of a thread, and 0 is the calling one.
  private static final int PRIO_PROCESS = 0;
  private static final int THIS_THREAD = 0;
  private static final int NICE_MOST = 19;

  private static final Optional<MethodHandle> SET_PRIORITY = find();

  private YieldingThreads() {}

  /// Makes daemon threads of that name.
  public static ThreadFactory named(String name) {
    ThreadFactory threads = Thread.ofPlatform().name(name).daemon(true).factory();
    return work ->
        threads.newThread(() -> {
          yieldFromNowOn();
          work.run();
        });
  }

  private static Optional<MethodHandle> find() {
    // Elsewhere the same call means the whole process.
    if (!System.getProperty("os.name").equals("Linux")) {
      return Optional.empty();
    }
    try {
      Linker linker = Linker.nativeLinker();
      return linker
          .defaultLookup()
          .find("setpriority")
          .map(address ->
              linker.downcallHandle(
                  address, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT)));
    } catch (IllegalCallerException | UnsupportedOperationException refused) {
      // Native access is denied to this application, or there is no linker.
      return Optional.empty();
    }
  }

  private static void yieldFromNowOn() {
    if (SET_PRIORITY.isEmpty()) {
      return;
    }
    int result;
    try {
      result = (int) SET_PRIORITY.get().invokeExact(PRIO_PROCESS, THIS_THREAD, NICE_MOST);
    } catch (Throwable impossible) {
      throw new AssertionError("setpriority throws nothing", impossible);
    }
    if (result != 0) {
      // A sandbox may forbid it; the work is done all the same, at the cost of its neighbours.
      LOG.warn("{} keeps its priority", Thread.currentThread().getName());
    }
  }
}
