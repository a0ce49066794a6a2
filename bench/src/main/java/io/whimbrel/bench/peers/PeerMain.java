package io.whimbrel.bench.peers;

import com.sun.management.OperatingSystemMXBean;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Runs one Java system in this JVM and answers the harness; see `src/main/cpp/peer.hpp` for the
/// conversation. One argument more than there: the system, first, and its storage, last.
public final class PeerMain {
  /// Slow passes are not repeated beyond this: by then their noise is small.
  private static final double PASSES_SECONDS_MAX = 20;

  /// CPU time of searches before the first that counts, so that they are compiled.
  private static final double WARM_UP_SECONDS = 4;

  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private final Peer peer;
  private final Peer.Setup setup;
  private final float[][] queries;
  private final PrintStream out;
  private boolean warm;

  private PeerMain(Peer peer, Peer.Setup setup, float[][] queries, PrintStream out) {
    this.peer = peer;
    this.setup = setup;
    this.queries = queries;
    this.out = out;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Path basePath = Path.of(args[1]);
    int dimension = Integer.parseInt(args[3]);
    Peer.Setup setup =
        new Peer.Setup(
            FloatRows.open(basePath, dimension),
            Metric.valueOf(args[4].toUpperCase(Locale.ROOT)),
            Integer.parseInt(args[5]),
            Integer.parseInt(args[6]),
            Storage.valueOf(args[8].toUpperCase(Locale.ROOT)),
            Integer.parseInt(args[7]));
    float[][] queries = FloatRows.open(Path.of(args[2]), dimension).all();
    // Libraries write to System.out; the conversation must stay clean.
    PrintStream out = System.out;
    System.setOut(System.err);
    try (Peer peer = peer(args[0], basePath)) {
      new PeerMain(peer, setup, queries, out).converse();
    }
  }

  private static Peer peer(String system, Path basePath) {
    return switch (system) {
      case "whimbrel", "whimbrel-int8" -> new HnswPeer();
      case "flat", "flat-int8" -> new FlatPeer();
      case "lucene" -> new LucenePeer(basePath.resolveSibling("lucene"));
      case "jvector" -> new JVectorPeer();
      case "jvector-pq" -> new JVectorFusedPeer(basePath.resolveSibling("jvector"));
      default -> throw new IllegalArgumentException("no system " + system);
    };
  }

  private void converse() throws IOException, InterruptedException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ", 5);
      switch (words[0]) {
        case "build" -> build();
        case "search" ->
            search(
                Integer.parseInt(words[1]),
                Integer.parseInt(words[2]),
                Integer.parseInt(words[3]),
                Path.of(words[4]));
        default -> throw new IllegalArgumentException("no command " + words[0]);
      }
    }
  }

  private void build() throws IOException {
    int rows = setup.base().count();
    int[] percent = new int[1];
    long heapBefore = heapBytes();
    long residentBefore = ResidentSet.bytes();
    long cpu = SYSTEM.getProcessCpuTime();
    long wall = System.nanoTime();
    peer.build(
        setup,
        done -> {
          int now = (int) (done * 100L / rows);
          if (now != percent[0]) {
            percent[0] = now;
            say("{\"progress\":%.2f}", now / 100.0);
          }
        });
    cpu = SYSTEM.getProcessCpuTime() - cpu;
    wall = System.nanoTime() - wall;
    long bytes = peer.residentBytes(heapBytes() - heapBefore);
    say(
        "{\"built\":true,\"cpu_s\":%.6f,\"wall_s\":%.6f,\"bytes\":%d,\"rss_bytes\":%d,"
            + "\"note\":\"%s\"}",
        cpu / 1e9, wall / 1e9, bytes, ResidentSet.bytes() - residentBefore, peer.note());
  }

  /// Bytes of the heap that are in use after a collection.
  private static long heapBytes() {
    System.gc();
    // What a first collection hands to cleaners, a second one frees.
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private void search(int ef, int k, int runs, Path file) throws IOException, InterruptedException {
    int[] ids = new int[queries.length * k];
    try (Pass pass = new Pass()) {
      double warmUp = pass.run(ef, k, ids).cpu();
      while (!warm && warmUp < WARM_UP_SECONDS) {
        // Two widths, so that nothing is compiled for one of them only.
        warmUp += pass.run(4 * ef, k, ids).cpu() + pass.run(ef, k, ids).cpu();
      }
      warm = true;
      double cpu = Double.POSITIVE_INFINITY;
      double wall = Double.POSITIVE_INFINITY;
      double total = 0;
      int passes = 0;
      for (; passes < runs && total < PASSES_SECONDS_MAX; passes++) {
        Times times = pass.run(ef, k, ids);
        cpu = Math.min(cpu, times.cpu());
        wall = Math.min(wall, times.wall());
        total += times.wall();
      }
      write(ids, file);
      say("{\"ef\":%d,\"cpu_s\":%.9f,\"wall_s\":%.9f,\"passes\":%d}", ef, cpu, wall, passes);
    }
  }

  private record Times(double cpu, double wall) {}

  /// All queries once, split between the threads.
  private final class Pass implements AutoCloseable {
    private final List<Peer.Searcher> searchers = new ArrayList<>();
    private final ExecutorService others = Executors.newFixedThreadPool(setup.threads());

    Pass() throws IOException {
      for (int i = 0; i < setup.threads(); i++) {
        searchers.add(peer.searcher());
      }
    }

    Times run(int ef, int k, int[] ids) throws IOException, InterruptedException {
      Arrays.fill(ids, -1);
      long wall = System.nanoTime();
      long cpu = 0;
      if (searchers.size() == 1) {
        cpu = share(0, ef, k, ids);
      } else {
        List<Callable<Long>> shares = new ArrayList<>();
        for (int i = 0; i < searchers.size(); i++) {
          int part = i;
          shares.add(() -> share(part, ef, k, ids));
        }
        for (Future<Long> share : others.invokeAll(shares)) {
          cpu += join(share);
        }
      }
      return new Times(cpu / 1e9, (System.nanoTime() - wall) / 1e9);
    }

    private static long join(Future<Long> share) throws IOException, InterruptedException {
      try {
        return share.get();
      } catch (ExecutionException e) {
        throw new IOException("a search failed", e);
      }
    }

    /// Nanoseconds of CPU time of the thread that answers one share of the queries.
    private long share(int part, int ef, int k, int[] ids) throws IOException {
      Peer.Searcher searcher = searchers.get(part);
      int begin = queries.length * part / searchers.size();
      int end = queries.length * (part + 1) / searchers.size();
      long cpu = THREADS.getCurrentThreadCpuTime();
      for (int query = begin; query < end; query++) {
        searcher.search(queries[query], ef, k, ids, query * k);
      }
      return THREADS.getCurrentThreadCpuTime() - cpu;
    }

    @Override
    public void close() {
      others.shutdownNow();
    }
  }

  private static void write(int[] ids, Path file) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(ids.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(ids);
    Files.write(file, bytes.array());
  }

  private void say(String format, Object... values) {
    out.printf(Locale.ROOT, format + "%n", values);
    out.flush();
  }
}
