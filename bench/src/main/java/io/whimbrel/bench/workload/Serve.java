package io.whimbrel.bench.workload;

import io.whimbrel.bench.dataset.SearchSet;
import io.whimbrel.client.BulkOptions;
import io.whimbrel.client.BulkWriter;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.Durability;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Hit;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Storage;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.core.engine.Database;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;
import org.HdrHistogram.Histogram;

/// Concurrent clients, each with a connection and a thread of its own, that search a server one
/// query after the other, as fast as they are answered.
final class Serve {
  private static final String COLLECTION = "serve";
  private static final ReadOptions IDS_ONLY = ReadOptions.DEFAULT.withPayload(Selector.NONE);

  /// Latencies are kept to 0.1 percent, in microseconds.
  private static final int DIGITS = 3;

  /// Beams tried for a wanted recall grow by this.
  private static final double EF_GROWTH = 1.25;

  private static final int EF_MAX = 10_000;

  /// Passes over all queries in this process, at least, and the time before they are compiled.
  private static final int ENGINE_PASSES = 5;

  private static final double ENGINE_WARM_SECONDS = 6;

  private static final int POLL_MILLIS = 100;

  private final SearchSet data;
  private final ServerProcess server;
  private final Plan plan;
  private OptionalInt ef;

  Serve(SearchSet data, ServerProcess server, Plan plan) {
    this.data = data;
    this.server = server;
    this.plan = plan;
    this.ef = plan.ef();
  }

  /// What is asked, and for how long.
  ///
  /// @param ef only for a graph; when empty, the least with `recall`
  record Plan(
      IndexSpec index,
      Storage storage,
      OptionalInt ef,
      double recall,
      Duration warmUp,
      Duration measured) {}

  /// What so many clients got.
  ///
  /// @param recall of the answers that were timed
  /// @param serverCpuMicros processor time of the server a query, where the system tells
  record Result(
      int clients,
      long queries,
      double seconds,
      double p50Millis,
      double p99Millis,
      double recall,
      OptionalDouble serverCpuMicros) {
    double qps() {
      return queries / seconds;
    }
  }

  /// Writes all rows.
  void load(IntConsumer progress) {
    try (WhimbrelClient client = connect()) {
      client.createCollection(
          CollectionSpec.of(
              COLLECTION,
              EmbeddingSpec.builder(data.dimension(), Metric.valueOf(data.metric().name()))
                  .index(plan.index())
                  .storage(plan.storage())
                  .build()));
      try (BulkWriter writer =
          client.bulkWriter(COLLECTION, BulkOptions.DEFAULT.withDurability(Durability.ASYNC))) {
        for (int row = 0; row < data.base().length; row++) {
          writer.add(Point.of(PointId.of(row), Vector.of(data.base()[row])));
          progress.accept(row + 1);
        }
        writer.flush();
      }
      client.flush();
      if (client.count(COLLECTION) != data.base().length) {
        throw new IllegalStateException("not every point that was written is counted");
      }
    }
  }

  /// Waits until the graph is whole and chooses the beam, unless the plan names it. Empty for an
  /// exact index.
  OptionalInt prepare() throws IOException, InterruptedException {
    if (!(plan.index() instanceof IndexSpec.Hnsw)) {
      return ef;
    }
    try (WhimbrelClient client = connect()) {
      while (client.collection(COLLECTION).fields().getFirst().versions().getFirst().pending()
          > 0) {
        Thread.sleep(POLL_MILLIS);
      }
      if (ef.isEmpty()) {
        ef = OptionalInt.of(leastEf(client));
      }
    }
    return ef;
  }

  private int leastEf(WhimbrelClient client) throws IOException {
    int k = data.truth().k();
    for (int tried = k; tried <= EF_MAX; tried = (int) Math.ceil(tried * EF_GROWTH)) {
      ef = OptionalInt.of(tried);
      Total total = new Total();
      Arrays.fill(total.ids, -1);
      for (int query = 0; query < data.queries().length; query++) {
        total.take(query, client.search(COLLECTION, request(query)).hits());
      }
      if (total.recall() >= plan.recall()) {
        return tried;
      }
    }
    throw new IOException("recall " + plan.recall() + " is not reached with ef " + EF_MAX);
  }

  /// Processor time a query, in microseconds, of the engine alone: the same database opened in this
  /// process and asked by one thread. The server must have ended.
  double engineCpuMicros(Path directory) throws IOException {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    try (Database database = Database.open(directory)) {
      double warm = 0;
      double least = Double.POSITIVE_INFINITY;
      for (int pass = 0; pass < ENGINE_PASSES || warm < ENGINE_WARM_SECONDS; pass++) {
        long before = threads.getCurrentThreadCpuTime();
        for (float[] query : data.queries()) {
          var _ =
              database.search(
                  COLLECTION,
                  new io.whimbrel.core.model.SearchRequest(
                      FieldSpec.DEFAULT_NAME,
                      0,
                      io.whimbrel.core.model.Vector.of(query),
                      data.truth().k(),
                      OptionalDouble.empty(),
                      ef.orElse(0),
                      false,
                      io.whimbrel.core.model.ReadOptions.DEFAULT));
        }
        double seconds = (threads.getCurrentThreadCpuTime() - before) / 1e9;
        least = Math.min(least, seconds);
        warm += seconds;
      }
      return least * 1e6 / data.queries().length;
    }
  }

  /// Searches with so many clients at once.
  Result search(int clients) throws IOException, InterruptedException {
    List<WhimbrelClient> connections = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(clients)) {
      for (int i = 0; i < clients; i++) {
        connections.add(connect());
      }
      search(connections, threads, plan.warmUp());
      OptionalDouble cpu = serverCpuSeconds();
      Total total = search(connections, threads, plan.measured());
      OptionalDouble cpuAfter = serverCpuSeconds();
      long queries = total.latencies.getTotalCount();
      return new Result(
          clients,
          queries,
          total.seconds,
          total.latencies.getValueAtPercentile(50) / 1e3,
          total.latencies.getValueAtPercentile(99) / 1e3,
          total.recall(),
          cpu.isPresent() && cpuAfter.isPresent()
              ? OptionalDouble.of((cpuAfter.getAsDouble() - cpu.getAsDouble()) * 1e6 / queries)
              : OptionalDouble.empty());
    } finally {
      connections.forEach(WhimbrelClient::close);
    }
  }

  private OptionalDouble serverCpuSeconds() {
    return server
        .cpuTime()
        .map(time -> OptionalDouble.of(time.toNanos() / 1e9))
        .orElse(OptionalDouble.empty());
  }

  /// All clients together.
  private final class Total {
    private final Histogram latencies = new Histogram(DIGITS);
    private final int[] ids = new int[data.queries().length * data.truth().k()];
    private final boolean[] answered = new boolean[data.queries().length];
    private double seconds;

    /// Two clients may write the same answer at once; it is the same numbers.
    void take(int query, List<Hit> hits) {
      answered[query] = true;
      int k = data.truth().k();
      for (int rank = 0; rank < hits.size(); rank++) {
        ids[query * k + rank] = row(hits.get(rank).id());
      }
    }

    /// Of the queries that some client asked.
    double recall() {
      int asked = 0;
      for (boolean one : answered) {
        asked += one ? 1 : 0;
      }
      return (double) data.truth().hits(ids) / asked / data.truth().k();
    }
  }

  private Total search(List<WhimbrelClient> connections, ExecutorService threads, Duration time)
      throws IOException, InterruptedException {
    List<Callable<Histogram>> tasks = new ArrayList<>();
    Total total = new Total();
    Arrays.fill(total.ids, -1);
    long started = System.nanoTime();
    for (int i = 0; i < connections.size(); i++) {
      WhimbrelClient client = connections.get(i);
      int first = data.queries().length * i / connections.size();
      tasks.add(() -> ask(client, first, started + time.toNanos(), total));
    }
    for (Future<Histogram> histogram : threads.invokeAll(tasks)) {
      total.latencies.add(get(histogram));
    }
    total.seconds = (System.nanoTime() - started) / 1e9;
    return total;
  }

  private static Histogram get(Future<Histogram> histogram)
      throws IOException, InterruptedException {
    try {
      return histogram.get();
    } catch (ExecutionException e) {
      throw new IOException("a client failed: " + e.getCause(), e);
    }
  }

  /// Every client begins at another query, so that they do not all ask the same at once.
  private Histogram ask(WhimbrelClient client, int first, long end, Total total) {
    Histogram latencies = new Histogram(DIGITS);
    for (int query = first; System.nanoTime() < end; query = (query + 1) % data.queries().length) {
      SearchRequest request = request(query);
      long started = System.nanoTime();
      List<Hit> hits = client.search(COLLECTION, request).hits();
      latencies.recordValue((System.nanoTime() - started) / 1_000);
      total.take(query, hits);
    }
    return latencies;
  }

  private SearchRequest request(int query) {
    SearchRequest.Builder request =
        SearchRequest.builder(Vector.of(data.queries()[query])).k(data.truth().k()).read(IDS_ONLY);
    ef.ifPresent(request::ef);
    return request.build();
  }

  private static int row(PointId id) {
    return switch (id) {
      case PointId.Number number -> Math.toIntExact(number.number());
      case PointId.Text text -> throw new IllegalStateException("id " + text + " was not written");
    };
  }

  private WhimbrelClient connect() {
    return WhimbrelClient.builder().address("127.0.0.1", server.port()).build();
  }
}
