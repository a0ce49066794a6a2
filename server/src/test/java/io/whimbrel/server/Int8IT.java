package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.Hit;
import io.whimbrel.client.Metric;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.SearchRequest;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Storage;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.arrow.FlightBulk;
import io.whimbrel.client.arrow.UploadOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// INT8 versions through a real server, with the image descriptors of `data/bigann10k-128`.
class Int8IT {
  private static final Duration DEADLINE = Duration.ofMinutes(2);
  private static final ReadOptions ALL = ReadOptions.DEFAULT.withVectors(Selector.ALL);
  private static final int DIMENSION = 128;
  private static final int QUERIES = 200;
  private static final int K = 10;

  @TempDir private Path data;

  @Test
  void answersAsWellAsFloatsAndKeepsWhatItSays() throws IOException {
    List<float[]> base = vectors("base.bvecs");
    List<float[]> queries = vectors("query.bvecs").subList(0, QUERIES);
    List<int[]> nearest = nearest();
    Map<String, List<List<Hit>>> before = new HashMap<>();
    try (RunningServer running = new RunningServer(data, Map.of());
        WhimbrelClient client = connect(running);
        FlightBulk bulk = FlightBulk.plaintext("127.0.0.1", running.server.port())) {
      create(client, "kept", true);
      create(client, "coded", false);
      List<Point> points = new ArrayList<>();
      for (int i = 0; i < base.size(); i++) {
        points.add(Point.of(PointId.of(i), Vector.of(base.get(i))));
      }
      for (String collection : List.of("kept", "coded")) {
        var _ =
            bulk.upload(
                collection, points.iterator(), UploadOptions.DEFAULT.withDeadline(DEADLINE));
        before.put(collection, search(client, collection, queries));
        assertThat(recall(before.get(collection), base, queries, nearest))
            .as(collection)
            .isGreaterThanOrEqualTo(0.99);
      }
      List<Point> kept = download(bulk, "kept");
      for (int i = 0; i < kept.size(); i++) {
        assertThat(vector(kept.get(i))).isEqualTo(base.get(i));
      }
      // A step is 1 at most for values from 0 to 255, so half of one is off.
      List<Point> coded = download(bulk, "coded");
      for (int i = 0; i < coded.size(); i++) {
        float[] read = vector(coded.get(i));
        for (int j = 0; j < DIMENSION; j++) {
          assertThat(Math.abs(read[j] - base.get(i)[j])).isLessThanOrEqualTo(0.5001f);
        }
      }
      assertThat(coded).hasSize(base.size());
      assertThat(vector(client.get("coded", List.of(PointId.of(7)), ALL).getFirst()))
          .isEqualTo(vector(coded.get(7)));
    }
    try (RunningServer running = new RunningServer(data, Map.of());
        WhimbrelClient client = connect(running)) {
      for (String collection : List.of("kept", "coded")) {
        assertThat(search(client, collection, queries)).isEqualTo(before.get(collection));
      }
      EmbeddingSpec spec =
          client.collection("coded").fields().getFirst().versions().getFirst().spec();
      assertThat(spec.storage()).isEqualTo(Storage.INT8);
      assertThat(spec.keepOriginals()).isFalse();
    }
  }

  private static WhimbrelClient connect(RunningServer running) {
    return WhimbrelClient.builder().address("127.0.0.1", running.server.port()).build();
  }

  private static void create(WhimbrelClient client, String name, boolean keepOriginals) {
    EmbeddingSpec spec =
        EmbeddingSpec.builder(DIMENSION, Metric.L2)
            .storage(Storage.INT8)
            .keepOriginals(keepOriginals)
            .build();
    var _ = client.createCollection(CollectionSpec.of(name, spec));
  }

  private static List<Point> download(FlightBulk bulk, String collection) {
    try (Stream<Point> points = bulk.download(collection, ALL, DEADLINE)) {
      return points.toList();
    }
  }

  private static List<List<Hit>> search(
      WhimbrelClient client, String collection, List<float[]> queries) {
    return queries.stream()
        .map(query -> client.search(collection, SearchRequest.of(Vector.of(query), K)).hits())
        .toList();
  }

  /// A hit as near as the tenth true one is a true one.
  private static double recall(
      List<List<Hit>> results, List<float[]> base, List<float[]> queries, List<int[]> nearest) {
    int found = 0;
    for (int q = 0; q < results.size(); q++) {
      float[] query = queries.get(q);
      double tenth = distance(query, base.get(nearest.get(q)[K - 1]));
      for (Hit hit : results.get(q)) {
        int row = Integer.parseInt(hit.id().toString());
        found += distance(query, base.get(row)) <= tenth ? 1 : 0;
      }
    }
    return found / (double) (K * results.size());
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
  }

  private static float[] vector(Point point) {
    return Objects.requireNonNull(point.vectors().get("default")).values();
  }

  private static List<float[]> vectors(String file) throws IOException {
    ByteBuffer in = read(file);
    return rows(
        in,
        length -> {
          float[] row = new float[length];
          for (int i = 0; i < length; i++) {
            row[i] = in.get() & 0xff;
          }
          return row;
        });
  }

  private static List<int[]> nearest() throws IOException {
    ByteBuffer in = read("groundtruth.ivecs");
    return rows(
        in,
        length -> {
          int[] row = new int[length];
          for (int i = 0; i < length; i++) {
            row[i] = in.getInt();
          }
          return row;
        });
  }

  /// Each row: its length as a little-endian int, then its values.
  private static <T> List<T> rows(ByteBuffer in, IntFunction<T> row) {
    List<T> rows = new ArrayList<>();
    while (in.hasRemaining()) {
      rows.add(row.apply(in.getInt()));
    }
    return rows;
  }

  private static ByteBuffer read(String file) throws IOException {
    String root = System.getProperty("whimbrel.root");
    assumeTrue(root != null, "whimbrel.root is not set");
    Path path = Path.of(root, "data", "bigann10k-128", file);
    return ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
  }
}
