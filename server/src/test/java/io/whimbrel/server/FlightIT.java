package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.ClientCalls;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.ModelId;
import io.whimbrel.client.Point;
import io.whimbrel.client.PointId;
import io.whimbrel.client.ReadOptions;
import io.whimbrel.client.Selector;
import io.whimbrel.client.Value;
import io.whimbrel.client.Vector;
import io.whimbrel.client.WhimbrelClient;
import io.whimbrel.client.WhimbrelException;
import io.whimbrel.client.arrow.FlightBulk;
import io.whimbrel.client.arrow.UploadOptions;
import io.whimbrel.client.arrow.UploadResult;
import io.whimbrel.proto.v1.ScrollRequest;
import io.whimbrel.proto.v1.VectorSelector;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.flight.impl.Flight.FlightDescriptor;
import org.apache.arrow.flight.impl.Flight.PutResult;
import org.apache.arrow.flight.impl.Flight.Ticket;
import org.apache.arrow.flight.impl.FlightServiceGrpc;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Bulk transfers against a real server. Stopping the server fails when its Arrow memory is not all
/// given back.
class FlightIT {
  private static final long SEED = Long.getLong("whimbrel.seed", 20_261_123);
  private static final Duration DEADLINE = Duration.ofMinutes(2);
  private static final UploadOptions OPTIONS = UploadOptions.DEFAULT.withDeadline(DEADLINE);
  private static final ReadOptions ALL = ReadOptions.DEFAULT.withVectors(Selector.ALL);

  @TempDir Path data;
  private RunningServer running;
  private WhimbrelClient client;
  private FlightBulk bulk;

  @BeforeEach
  void start() throws IOException {
    running = new RunningServer(data, Map.of());
    client = WhimbrelClient.builder().address("127.0.0.1", running.server.port()).build();
    bulk = FlightBulk.plaintext("127.0.0.1", running.server.port());
  }

  @AfterEach
  void stop() {
    bulk.close();
    client.close();
    running.close();
  }

  private void create(String name, int dimension) {
    EmbeddingSpec spec =
        EmbeddingSpec.builder(dimension, Metric.DOT).model(new ModelId("acme", "m", "1")).build();
    var _ =
        client.createCollection(new CollectionSpec(name, List.of(new FieldSpec("default", spec))));
  }

  private List<Point> download(String collection) {
    try (Stream<Point> points = bulk.download(collection, ALL, DEADLINE)) {
      return points.toList();
    }
  }

  private static Vector random(Random random, int dimension) {
    float[] values = new float[dimension];
    for (int i = 0; i < dimension; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Vector.of(values);
  }

  @Test
  void twentyThousandVectorsComeBackToTheLastBit() {
    create("big", 128);
    Random random = new Random(SEED);
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      Map<String, Value> payload = Map.of("n", Value.of(i), "text", Value.of("row " + i));
      points.add(Point.of(PointId.of(i), payload, random(random, 128)));
    }
    UploadResult result = bulk.upload("big", points.iterator(), OPTIONS);
    assertThat(result.points()).isEqualTo(20_000);
    assertThat(result.batches()).isGreaterThan(2);
    assertThat(client.count("big")).isEqualTo(20_000);

    String space =
        client.collection("big").fields().getFirst().versions().getFirst().spec().spaceId();
    List<Point> back = download("big");
    assertThat(back).hasSize(20_000);
    for (int i = 0; i < 20_000; i++) {
      Point expected = points.get(i);
      Point found = back.get(i);
      assertThat(found.id()).as("seed %d", SEED).isEqualTo(expected.id());
      assertThat(found.payload()).isEqualTo(expected.payload());
      Vector sent = Objects.requireNonNull(expected.vectors().get("default"));
      assertThat(found.vectors()).isEqualTo(Map.of("default", sent.inSpace(space)));
      assertThat(found.seq()).isPositive();
    }
  }

  @Test
  void everyKindOfIdAndPayloadComesBackAsItWas() {
    create("kinds", 2);
    Map<String, Value> payload =
        Map.of(
            "null", Value.NullValue.INSTANCE,
            "bool", Value.of(true),
            "int", Value.of(Long.MIN_VALUE),
            "double", Value.of(-0.0),
            "whole double", Value.of(1.0),
            "text", Value.of("é\uD83D\uDC3E"),
            "time", Value.of(Instant.parse("1969-12-31T23:59:59.999999999Z")),
            "list", Value.of(List.of(Value.NullValue.INSTANCE, Value.of(List.of()))),
            "object", Value.of(Map.of("inner", Value.of(1))));
    List<Point> points =
        List.of(
            Point.of(PointId.of(7), payload, Vector.of(1, 2)),
            Point.of(PointId.of(-1), Map.of(), Map.of()),
            Point.of(PointId.of("7"), Map.of("payload", Value.of("x")), Vector.of(-0.0f, 3)));
    var _ = bulk.upload("kinds", points.iterator(), OPTIONS);
    List<Point> back = download("kinds");
    assertThat(back.stream().map(Point::id))
        .containsExactlyElementsOf(points.stream().map(Point::id).toList());
    assertThat(back.stream().map(Point::payload))
        .containsExactlyElementsOf(points.stream().map(Point::payload).toList());
    assertThat(back.get(1).vectors()).isEmpty();
    // What an export gives, an upload takes: the space it names is the collection's own.
    var _ = bulk.upload("kinds", back.iterator(), OPTIONS);
    assertThat(download("kinds").stream().map(Point::vectors))
        .containsExactlyElementsOf(back.stream().map(Point::vectors).toList());
  }

  @Test
  void aRefusedBatchChangesNothingAndIsNamed() {
    create("strict", 2);
    List<Point> points =
        List.of(
            Point.of(PointId.of(1), Vector.of(1, 1)),
            Point.of(PointId.of(2), Vector.of(1, 1)),
            Point.of(PointId.of(3), Vector.of(1, 1)),
            Point.of(PointId.of(4), Vector.of(1, Float.NaN)));
    assertThatThrownBy(() -> bulk.upload("strict", points.iterator(), OPTIONS.withBatchRowsMax(2)))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.NOT_FINITE);
              assertThat(e.field()).startsWith("batch[1].");
            });
    assertThat(download("strict").stream().map(Point::id))
        .containsExactly(PointId.of(1), PointId.of(2));
  }

  @Test
  void anUnknownCollectionAndABadTicketAreTypedErrors() {
    assertThatThrownBy(() -> bulk.upload("nowhere", List.<Point>of().iterator(), OPTIONS))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.COLLECTION_NOT_FOUND));
    assertThatThrownBy(() -> download("nowhere"))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.COLLECTION_NOT_FOUND));
    assertThatThrownBy(() -> get(ByteString.copyFromUtf8("{\"colection\": 1}")).read())
        .isInstanceOfSatisfying(
            StatusException.class,
            e -> assertThat(e.getTrailers().get(CODE)).isEqualTo("INVALID_ARGUMENT"));
  }

  private static final io.grpc.Metadata.Key<String> CODE =
      io.grpc.Metadata.Key.of("whimbrel-error-code", io.grpc.Metadata.ASCII_STRING_MARSHALLER);

  private BlockingClientCall<Ticket, FlightData> get(ByteString ticket) {
    return ClientCalls.blockingV2ServerStreamingCall(
        running.channel,
        FlightServiceGrpc.getDoGetMethod(),
        CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.MINUTES),
        Ticket.newBuilder().setTicket(ticket).build());
  }

  @Test
  void aRequestIdIsWrittenOnce() {
    create("once", 2);
    List<Point> points = List.of(Point.of(PointId.of(1), Vector.of(1, 1)));
    UploadOptions named = OPTIONS.withRequestId("job 7");
    UploadResult first = bulk.upload("once", points.iterator(), named);
    assertThat(bulk.upload("once", points.iterator(), named).seq()).isEqualTo(first.seq());
  }

  @Test
  void aReaderThatStopsHoldsNothingAndAnotherIsServed() throws Exception {
    create("slow", 256);
    Random random = new Random(SEED);
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      points.add(Point.of(PointId.of(i), random(random, 256)));
    }
    var _ = bulk.upload("slow", points.iterator(), OPTIONS);
    List<BlockingClientCall<Ticket, FlightData>> stalled = new ArrayList<>();
    // More than the pool has threads: were one held by a reader that stopped, the last download
    // would not end.
    for (int i = 0; i < 16; i++) {
      BlockingClientCall<Ticket, FlightData> call =
          get(
              ScrollRequest.newBuilder()
                  .setCollection("slow")
                  .setWithVectors(VectorSelector.newBuilder().setAll(true))
                  .build()
                  .toByteString());
      assertThat(call.read()).isNotNull();
      stalled.add(call);
    }
    assertThat(download("slow")).hasSize(10_000);
    for (BlockingClientCall<Ticket, FlightData> call : stalled) {
      call.cancel("enough", null);
      // What came in before is taken here, or its buffers would stay with nobody.
      assertThatThrownBy(() -> readToEnd(call)).isInstanceOf(StatusException.class);
    }
  }

  @Test
  void aStoppingServerEndsTransfersWithUnavailable() throws Exception {
    create("open", 2);
    BlockingClientCall<FlightData, PutResult> upload =
        ClientCalls.blockingBidiStreamingCall(
            running.channel,
            FlightServiceGrpc.getDoPutMethod(),
            CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.MINUTES));
    boolean unused =
        upload.write(
            FlightData.newBuilder()
                .setFlightDescriptor(
                    FlightDescriptor.newBuilder()
                        .setType(FlightDescriptor.DescriptorType.PATH)
                        .addPath("open"))
                .build());
    // An answered call on the same connection: the server has the upload by now.
    readToEnd(get(ByteString.copyFromUtf8("{\"collection\": \"open\"}")));
    running.server.stop();
    assertThatThrownBy(upload::read)
        .isInstanceOfSatisfying(
            StatusException.class,
            e -> assertThat(e.getTrailers().get(CODE)).isEqualTo("UNAVAILABLE"));
  }

  private static void readToEnd(BlockingClientCall<?, ?> call) throws Exception {
    while (call.read() != null) {}
  }

  @Test
  void aDownloadThatIsClosedEarlyEnds() {
    create("early", 256);
    Random random = new Random(SEED);
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      points.add(Point.of(PointId.of(i), random(random, 256)));
    }
    var _ = bulk.upload("early", points.iterator(), OPTIONS);
    try (Stream<Point> first = bulk.download("early", ALL, DEADLINE)) {
      assertThat(first.findFirst().map(Point::id)).contains(PointId.of(0));
    }
  }

  @Test
  void anUploadThatIsNoArrowIsRefusedAndTheServerGoesOn() throws Exception {
    create("robust", 2);
    for (ByteString header : List.of(ByteString.EMPTY, ByteString.copyFrom(new byte[64]))) {
      BlockingClientCall<FlightData, PutResult> call =
          ClientCalls.blockingBidiStreamingCall(
              running.channel,
              FlightServiceGrpc.getDoPutMethod(),
              CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.MINUTES));
      boolean unused =
          call.write(
              FlightData.newBuilder()
                  .setFlightDescriptor(
                      FlightDescriptor.newBuilder()
                          .setType(FlightDescriptor.DescriptorType.PATH)
                          .addPath("robust"))
                  .setDataHeader(header)
                  .build());
      boolean unusedToo = call.write(FlightData.newBuilder().setDataHeader(header).build());
      assertThatThrownBy(call::read)
          .isInstanceOfSatisfying(
              StatusException.class,
              e -> assertThat(e.getTrailers().get(CODE)).isEqualTo("INVALID_ARGUMENT"));
    }
    var _ =
        bulk.upload(
            "robust", List.of(Point.of(PointId.of(1), Vector.of(1, 1))).iterator(), OPTIONS);
    assertThat(client.count("robust")).isEqualTo(1);
  }
}
