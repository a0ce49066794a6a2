package io.whimbrel.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.rpc.Code;
import io.grpc.StatusRuntimeException;
import io.whimbrel.client.internal.ValueWire;
import io.whimbrel.proto.v1.UpdatePayloadRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Calls over a socket: values, refusals, repetitions, deadlines, cancellation. */
@Timeout(60)
class WhimbrelClientTest {
  private static final RetryPolicy QUICK =
      new RetryPolicy(4, Duration.ofMillis(1), Duration.ofMillis(2));
  private static final SearchRequest SEARCH = SearchRequest.of(Vector.of(1, 0), 3);

  private Peer peer;
  private WhimbrelClient client;

  @BeforeEach
  void open() throws IOException {
    peer = new Peer();
    client = peer.client().retries(QUICK).build();
  }

  @AfterEach
  void close() throws InterruptedException {
    client.close();
    peer.close();
  }

  private static List<Point> points(int count) {
    return java.util.stream.IntStream.range(0, count)
        .mapToObj(i -> Point.of(PointId.of(i), Map.of("n", Value.of(i)), Vector.of(i, 1)))
        .toList();
  }

  private static StatusRuntimeException overloaded(long retryMillis) {
    return Peer.failure(
        Code.RESOURCE_EXHAUSTED, ErrorCode.OVERLOADED, "", "a queue is full", retryMillis);
  }

  @Test
  void whatIsWrittenIsFound() {
    EmbeddingSpec spec = EmbeddingSpec.builder(2, Metric.DOT).build();
    CollectionInfo made = client.createCollection(CollectionSpec.of("books", spec));
    assertThat(made.fields().get(0).versions().get(0).spec().spaceId()).isEqualTo("space");
    assertThat(made.fields().get(0).writeSet()).containsExactly(1);
    WriteResult written = client.upsert("books", points(5));
    assertThat(written).isEqualTo(new WriteResult(1, 5, Durability.SYNC, 0, false));
    assertThat(client.count("books")).isEqualTo(5);
    SearchResult found = client.search("books", SEARCH);
    assertThat(found.hits())
        .extracting(Hit::id)
        .containsExactly(PointId.of(4), PointId.of(3), PointId.of(2));
    assertThat(found.hits().get(0).payload()).isEqualTo(Map.of("n", Value.of(4)));
    assertThat(client.get("books", List.of(PointId.of(2)), ReadOptions.DEFAULT))
        .singleElement()
        .satisfies(point -> assertThat(point.vectors()).containsEntry("default", Vector.of(2, 1)))
        .satisfies(point -> assertThat(point.seq()).isEqualTo(1));
  }

  @Test
  void aRefusalIsTypedAndHappensInTheCallersStack() {
    EmbeddingSpec spec = EmbeddingSpec.builder(2, Metric.DOT).build();
    var unused = client.createCollection(CollectionSpec.of("books", spec));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> client.createCollection(CollectionSpec.of("books", spec)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.COLLECTION_EXISTS))
        .satisfies(e -> assertThat(e.field()).isEqualTo("spec.name"))
        .satisfies(e ->
            assertThat(e.getStackTrace())
                .anyMatch(f -> f.getClassName().equals(WhimbrelClientTest.class.getName())));
    assertThat(client.async().createCollection(CollectionSpec.of("books", spec)))
        .failsWithin(Duration.ofSeconds(30))
        .withThrowableOfType(java.util.concurrent.ExecutionException.class)
        .withCauseInstanceOf(WhimbrelException.class);
  }

  @Test
  void collectionsComeAndGo() {
    EmbeddingSpec spec =
        EmbeddingSpec.builder(2, Metric.L2).index(new IndexSpec.Hnsw(8, 50)).build();
    CollectionInfo made = client.createCollection(CollectionSpec.of("books", spec));
    assertThat(client.collection("books")).isEqualTo(made);
    assertThat(client.collections()).containsExactly(made);
    var unused = client.upsert("books", points(2));
    assertThat(client.deleteCollection("books")).isEqualTo(2);
    assertThat(client.collections()).isEmpty();
  }

  @Test
  void deletesAndPayloadChangesSayWhatTheyMean() {
    List<PointId> ids = List.of(PointId.of(1), PointId.of("x"));
    List<io.whimbrel.proto.v1.PointId> sent = ValueWire.encodeIds(ids);
    Map<String, Value> payload = Value.payload(Map.of("a", 1));
    WriteOptions checked = WriteOptions.DEFAULT.withDurability(Durability.ASYNC).onlyIfSeq(7);
    var results =
        List.of(
            client.delete("books", ids, checked),
            client.setPayload("books", ids, payload, checked),
            client.mergePayload("books", ids, payload, WriteOptions.DEFAULT),
            client.deletePayloadKeys("books", ids, List.of("a", "b"), WriteOptions.DEFAULT),
            client.clearPayload("books", ids, WriteOptions.DEFAULT));
    assertThat(results).extracting(WriteResult::seq).containsExactly(1L, 2L, 3L, 4L, 5L);
    assertThat(peer.deletes)
        .singleElement()
        .satisfies(d -> assertThat(d.getIdsList()).isEqualTo(sent))
        .satisfies(d -> assertThat(d.getIfSeq()).isEqualTo(7))
        .satisfies(d -> assertThat(d.hasFilter()).isFalse())
        .satisfies(d -> assertThat(d.getOptions().getRequestId()).isNotEmpty())
        .satisfies(d -> assertThat(d.getOptions().getDurabilityValue()).isEqualTo(2));
    assertThat(peer.payloadUpdates)
        .allSatisfy(u -> assertThat(u.getCollection()).isEqualTo("books"))
        .allSatisfy(u -> assertThat(u.getIdsList()).isEqualTo(sent))
        .allSatisfy(u -> assertThat(u.getOptions().getRequestId()).isNotEmpty());
    assertThat(peer.payloadUpdates)
        .extracting(UpdatePayloadRequest::hasIfSeq)
        .containsExactly(true, false, false, false);
    assertThat(peer.payloadUpdates.get(0).getSet()).isEqualTo(ValueWire.encodeObject(payload));
    assertThat(peer.payloadUpdates.get(1).getMerge()).isEqualTo(ValueWire.encodeObject(payload));
    assertThat(peer.payloadUpdates.get(2).getDeleteKeys().getNamesList()).containsExactly("a", "b");
    assertThat(peer.payloadUpdates.get(3).getClear()).isTrue();
  }

  @Test
  void aBatchOfSearchesIsAnsweredInOrder() {
    var unused = client.upsert("books", points(5));
    List<SearchResult> found =
        client.searchBatch(
            "books",
            List.of(SearchRequest.of(Vector.of(1, 0), 1), SearchRequest.of(Vector.of(-1, 0), 2)));
    assertThat(found).hasSize(2);
    assertThat(found.get(0).hits()).extracting(Hit::id).containsExactly(PointId.of(4));
    assertThat(found.get(1).hits())
        .extracting(Hit::id)
        .containsExactly(PointId.of(0), PointId.of(1));
    assertThat(found.get(1).servedVersion()).isEqualTo(1);
    assertThat(found.get(1).coverage()).isEqualTo(1.0);
  }

  @Test
  void theServerTellsOfItself() {
    assertThat(client.serverInfo())
        .isEqualTo(
            new ServerInfo(
                "1",
                "db",
                Duration.ofSeconds(3, 4),
                "plain",
                0,
                "disk full",
                Map.of("k_max", 10_000L)));
    assertThat(client.storageStats())
        .isEqualTo(
            new StorageStats(1, 2, List.of(new StorageStats.CollectionStorage("books", 3, 4))));
    var unused = client.upsert("books", points(1));
    assertThat(client.flush()).isEqualTo(1);
  }

  @Test
  void pagesAreOneStream() {
    var unused = client.upsert("books", points(17));
    assertThat(client.scrollAll("books", 5, ReadOptions.DEFAULT))
        .extracting(Point::id)
        .containsExactlyElementsOf(points(17).stream().map(Point::id).toList());
    assertThat(client.scroll("books", Page.START, 100, ReadOptions.DEFAULT).last()).isTrue();
    assertThat(client.scrollAll("books", 5, ReadOptions.DEFAULT).limit(3)).hasSize(3);
  }

  @Test
  void readsAreRepeated() {
    var unused = client.upsert("books", points(3));
    peer.refusals.addAll(List.of(Peer.unavailable(), overloaded(5), Peer.unavailable()));
    assertThat(client.search("books", SEARCH).hits()).hasSize(3);
    assertThat(peer.searches).hasSize(4);
  }

  @Test
  void repetitionsEnd() {
    for (int i = 0; i < 10; i++) {
      peer.refusals.add(Peer.unavailable());
    }
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> client.search("books", SEARCH))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
    assertThat(peer.searches).hasSize(QUICK.attemptsMax());
  }

  @Test
  void refusalsAreNotRepeated() {
    peer.refusals.add(Peer.failure(Code.NOT_FOUND, ErrorCode.COLLECTION_NOT_FOUND, "c", "none", 0));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> client.search("books", SEARCH));
    assertThat(peer.searches).hasSize(1);
  }

  @Test
  void aWriteWhoseAnswerIsLostHappensOnce() {
    peer.lostAnswers.add(Peer.unavailable());
    peer.lostAnswers.add(
        Peer.failure(Code.ABORTED, ErrorCode.OUTCOME_UNKNOWN, "", "may have happened", 0));
    WriteResult written = client.upsert("books", points(3));
    assertThat(written.repeated()).isTrue();
    assertThat(written.seq()).isEqualTo(1);
    assertThat(peer.writes()).isEqualTo(1);
    assertThat(peer.upserts).hasSize(3);
    assertThat(peer.upserts)
        .extracting(request -> request.getOptions().getRequestId())
        .doesNotContain("")
        .containsOnly(peer.upserts.get(0).getOptions().getRequestId());
  }

  @Test
  void eachWriteHasItsOwnNameUnlessGivenOne() {
    var first = client.upsert("books", points(1));
    var second = client.upsert("books", points(1));
    WriteOptions named = WriteOptions.DEFAULT.withRequestId("mine");
    var third = client.upsert("books", points(1), named);
    var fourth = client.upsert("books", points(1), named);
    assertThat(List.of(first, second, third)).noneMatch(WriteResult::repeated);
    assertThat(fourth.repeated()).isTrue();
    assertThat(fourth.seq()).isEqualTo(third.seq());
    assertThat(peer.upserts.get(2).getOptions().getRequestId()).isEqualTo("mine");
    assertThat(peer.writes()).isEqualTo(3);
  }

  @Test
  void withoutRetriesNothingIsRepeatedOrNamed() {
    try (WhimbrelClient strict = peer.client().retries(RetryPolicy.NONE).build()) {
      peer.refusals.add(Peer.unavailable());
      assertThatExceptionOfType(WhimbrelException.class)
          .isThrownBy(() -> strict.upsert("books", points(1)));
      assertThat(peer.upserts).hasSize(1);
      assertThat(peer.upserts.get(0).getOptions().getRequestId()).isEmpty();
    }
  }

  @Test
  void aWaitBeyondTheDeadlineIsNotBegun() {
    peer.refusals.add(overloaded(3_600_000));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> client.search("books", SEARCH))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.OVERLOADED))
        .satisfies(e -> assertThat(e.retryAfter()).contains(Duration.ofHours(1)));
  }

  @Test
  void theDeadlineEndsACallThatIsNotAnswered() {
    peer.silent = true;
    try (WhimbrelClient hasty = peer.client().deadline(Duration.ofMillis(200)).build()) {
      assertThatExceptionOfType(WhimbrelException.class)
          .isThrownBy(() -> hasty.count("books"))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.DEADLINE_EXCEEDED));
    }
  }

  @Test
  void aServerThatIsNotThereIsUnavailable() throws IOException {
    int free;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    try (WhimbrelClient lost =
        WhimbrelClient.builder().address("127.0.0.1", free).retries(QUICK).build()) {
      assertThatExceptionOfType(WhimbrelException.class)
          .isThrownBy(() -> lost.count("books"))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE))
          .satisfies(e -> assertThat(e.retryable()).isTrue());
    }
  }

  @Test
  void anInterruptCancelsTheCall() {
    peer.silent = true;
    Thread.currentThread().interrupt();
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> client.count("books"))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.CANCELLED));
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void closingAnswersEveryCall() {
    peer.silent = true;
    peer.refusals.add(overloaded(30_000));
    // One call waits for its answer, the other for its next attempt.
    CompletableFuture<Long> unanswered = client.async().count("books");
    CompletableFuture<SearchResult> waiting = client.async().search("books", SEARCH);
    while (!peer.refusals.isEmpty()) {
      Thread.onSpinWait();
    }
    client.close();
    for (CompletableFuture<?> call : List.of(unanswered, waiting)) {
      Throwable failure = call.<@Nullable Throwable>handle((answer, thrown) -> thrown).join();
      assertThat(failure)
          .isInstanceOfSatisfying(
              WhimbrelException.class,
              e -> assertThat(e.code()).isIn(ErrorCode.UNAVAILABLE, ErrorCode.CANCELLED));
    }
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> client.count("books"))
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
  }

  @Test
  void anAnswerAboveTheMessageLimitIsRefused() {
    try (WhimbrelClient small = peer.client().maxMessageBytes(2_000).build()) {
      var unused = client.upsert("books", points(200));
      assertThatExceptionOfType(WhimbrelException.class)
          .isThrownBy(() -> small.scroll("books", Page.START, 200, ReadOptions.DEFAULT))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.LIMIT_EXCEEDED));
    }
  }

  @Test
  void settingsThatCannotBeAreRefused() {
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> WhimbrelClient.builder().deadline(Duration.ZERO));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> WhimbrelClient.builder().maxMessageBytes(0));
    assertThatExceptionOfType(WhimbrelException.class)
        .isThrownBy(() -> WhimbrelClient.builder().tls(Path.of("no-such-file.pem")).build())
        .satisfies(e -> assertThat(e.field()).isEqualTo("tls.trust"));
  }
}
