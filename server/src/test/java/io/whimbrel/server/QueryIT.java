package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.FacetResult;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Filter;
import io.whimbrel.client.Filters;
import io.whimbrel.client.Hit;
import io.whimbrel.client.Metric;
import io.whimbrel.client.MinedNegatives;
import io.whimbrel.client.NegativeMining;
import io.whimbrel.client.Page;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Query;
import io.whimbrel.client.QueryInput;
import io.whimbrel.client.QueryRequest;
import io.whimbrel.client.QueryResult;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.Slice;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.WriteOptions;
import io.whimbrel.client.arrow.FlightBulk;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Query trees and their kin through the SDK. Points lie on two lines: by "x" number `i` is at `i`,
/// by "y" at `-i`.
class QueryIT {
  private static final int POINTS = 40;

  @TempDir private Path data;

  private RunningServer running;
  private WhimbrelClient client;

  @BeforeEach
  void start() throws IOException {
    running = new RunningServer(data, Map.of());
    client = WhimbrelClient.builder().address("127.0.0.1", running.server.port()).build();
    EmbeddingSpec spec = EmbeddingSpec.builder(2, Metric.L2).build();
    var _ =
        client.createCollection(
            new CollectionSpec(
                "lines", List.of(new FieldSpec("x", spec), new FieldSpec("y", spec)), List.of()));
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < POINTS; i++) {
      points.add(
          Point.of(
              PointId.of(i),
              Map.of(
                  "parity", new Value.StringValue(i % 2 == 0 ? "even" : "odd"),
                  "rest", new Value.IntValue(i % 7)),
              Map.of("x", Vector.of(i, 0), "y", Vector.of(-i, 0))));
    }
    var _ = client.upsert("lines", points, WriteOptions.DEFAULT);
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    running.close();
  }

  private static List<Long> ids(QueryResult result) {
    return result.hits().stream().map(hit -> number(hit.hit())).toList();
  }

  private static long number(Hit hit) {
    return ((PointId.Number) hit.id()).number();
  }

  private List<Long> ask(Query query, int k) {
    return ids(client.query("lines", QueryRequest.of(query, k)));
  }

  private static Query.Nearest x(float at) {
    return Query.nearest(Vector.of(at, 0)).field("x");
  }

  @Test
  void stagesNest() {
    // The 10 nearest to 20 by x, of them the nearest to 0 by y, is the least of them.
    Query tree = Query.nearest(Vector.of(0, 0)).field("y").over(x(20.1f).limit(10));
    assertThat(ask(tree, 3)).containsExactly(16L, 17L, 18L);
    QueryResult result = client.query("lines", QueryRequest.of(tree, 3));
    assertThat(result.served()).extracting(QueryResult.Served::field).containsExactly("y", "x");
    assertThat(result.stages())
        .extracting(QueryResult.Stage::path)
        .containsExactly("query.prefetch[0].query", "query");
  }

  @Test
  void pointsAreQueriesToo() {
    assertThat(ask(Query.nearest(PointId.of(10)).field("x"), 4)).containsExactly(9L, 11L, 8L, 12L);
    assertThat(
            ask(Query.recommend(List.of(PointId.of(10), PointId.of(14)), List.of()).field("x"), 3))
        .containsExactly(12L, 11L, 13L);
    assertThat(
            ask(
                Query.recommend(List.of(PointId.of(10)), List.of(PointId.of(12)))
                    .field("x")
                    .by(Query.Strategy.BEST_SCORE),
                3))
        // 11 is as near to the negative as to the positive.
        .containsExactly(9L, 8L, 7L);
  }

  @Test
  void ranksFuse() {
    Query tree =
        Query.rrf(x(0).limit(5), x(4).limit(5).filter(Filters.match("parity", "even")))
            .weights(1.0, 2.0);
    QueryResult result = client.query("lines", QueryRequest.of(tree, 4));
    // First list 0 1 2 3 4; second 4 2 6 0 8.
    assertThat(ids(result)).containsExactly(4L, 2L, 0L, 6L);
    assertThat(result.hits().getFirst().hit().score()).isEqualTo(1.0 / 65 + 2.0 / 61);
  }

  @Test
  void hitsComeInGroupsOrdersAndSamples() {
    QueryResult groups =
        client.query("lines", QueryRequest.builder(x(10)).k(2).groupBy("parity", 2).build());
    assertThat(groups.hits()).isEmpty();
    assertThat(groups.groups())
        .extracting(QueryResult.Group::key)
        .containsExactly(new Value.StringValue("even"), new Value.StringValue("odd"));
    assertThat(groups.groups().getLast().hits().stream().map(hit -> number(hit.hit())))
        .containsExactly(9L, 11L);

    List<Long> all = new ArrayList<>();
    String cursor = Page.START;
    do {
      QueryResult page =
          client.query(
              "lines",
              QueryRequest.builder(Query.orderBy("rest", true)).k(9).cursor(cursor).build());
      all.addAll(ids(page));
      page.hits()
          .forEach(hit ->
              assertThat(hit.orderValue()).contains(new Value.IntValue(number(hit.hit()) % 7)));
      cursor = page.nextCursor();
    } while (!cursor.isEmpty());
    assertThat(all).hasSize(POINTS).startsWith(6L, 13L, 20L, 27L, 34L, 5L).doesNotHaveDuplicates();

    List<Long> sample = ask(Query.sample(7), 5);
    assertThat(sample).hasSize(5).doesNotHaveDuplicates().isEqualTo(ask(Query.sample(7), 5));
    assertThat(ask(Query.sample(8), 5)).isNotEqualTo(sample);
  }

  @Test
  void diverseHitsAreApart() {
    assertThat(ask(x(20).diverse(0).candidates(20), 3)).containsExactly(20L, 19L, 21L);
    assertThat(ask(x(20).diverse(0.6).candidates(21), 2)).containsExactly(20L, 10L);
  }

  @Test
  void batchesKeepTheirOrderAndRefuseAsOne() {
    List<QueryResult> results =
        client.queryBatch(
            "lines", List.of(QueryRequest.of(x(3), 1), QueryRequest.of(Query.sample(1), 2)));
    assertThat(ids(results.getFirst())).containsExactly(3L);
    assertThat(results.getLast().hits()).hasSize(2);
    WhimbrelException e =
        catchThrowableOfType(
            WhimbrelException.class,
            () ->
                client.queryBatch(
                    "lines",
                    List.of(
                        QueryRequest.of(x(3), 1),
                        QueryRequest.of(Query.nearest(Vector.of(1, 2)).field("z"), 1))));
    assertThat(e.code()).isEqualTo(ErrorCode.UNKNOWN_FIELD);
    assertThat(e.field()).isEqualTo("searches[1].query.nearest.field");
  }

  @Test
  void valuesAreCounted() {
    FacetResult facets =
        client.facet("lines", "parity", Optional.of(Filters.atLeast("rest", 5)), 10);
    // 5 6 12 13 19 20 26 27 33 34
    assertThat(facets.values())
        .containsExactly(
            new FacetResult.Count(new Value.StringValue("even"), 5),
            new FacetResult.Count(new Value.StringValue("odd"), 5));
    assertThat(facets.points()).isEqualTo(10);
  }

  @Test
  void slicesAreAllPointsByBothWays() {
    Filter even = Filters.match("parity", "even");
    List<PointId> expected =
        Stream.iterate(0, i -> i + 2).limit(POINTS / 2).map(PointId::of).toList();
    List<PointId> read = new ArrayList<>();
    List<PointId> exported = new ArrayList<>();
    try (FlightBulk bulk = FlightBulk.plaintext("127.0.0.1", running.server.port())) {
      for (int i = 0; i < 3; i++) {
        Slice slice = new Slice(i, 3);
        try (Stream<Point> points =
            client.scrollAll("lines", 4, Optional.of(even), slice, ReadOptions.DEFAULT)) {
          points.map(Point::id).forEach(read::add);
        }
        try (Stream<Point> points =
            bulk.download(
                "lines", Optional.of(even), slice, ReadOptions.DEFAULT, Duration.ofMinutes(1))) {
          points.map(Point::id).forEach(exported::add);
        }
      }
    }
    assertThat(read).containsExactlyInAnyOrderElementsOf(expected).isEqualTo(exported);
  }

  @Test
  void negativesAreMined() {
    NegativeMining mining =
        NegativeMining.of(
            List.of(
                new NegativeMining.MiningQuery(
                    QueryInput.of(PointId.of(10)), List.of(PointId.of(11)))));
    MinedNegatives mined =
        client.mineNegatives(
            "lines",
            new NegativeMining(
                "x",
                0,
                "",
                mining.queries(),
                3,
                1,
                100,
                OptionalDouble.of(4),
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                false,
                0,
                Optional.empty(),
                false,
                0));
    MinedNegatives.Mined one = mined.queries().getFirst();
    assertThat(one.positives()).extracting(MinedNegatives.Scored::score).containsExactly(-1.0);
    // 9 is passed over, and 8 and 12 are within the margin of -1 - 4.
    assertThat(one.negatives())
        .containsExactly(
            new MinedNegatives.Scored(PointId.of(7), -9, 4),
            new MinedNegatives.Scored(PointId.of(13), -9, 5),
            new MinedNegatives.Scored(PointId.of(6), -16, 6));
    assertThat(one.tooNear()).isEqualTo(2);
  }
}
