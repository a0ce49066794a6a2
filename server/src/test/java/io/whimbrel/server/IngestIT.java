package io.whimbrel.server;

import static io.whimbrel.server.RunningServer.point;
import static io.whimbrel.server.RunningServer.vector;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.UnknownFieldSet;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.whimbrel.proto.v1.BatchError;
import io.whimbrel.proto.v1.CountRequest;
import io.whimbrel.proto.v1.GetRequest;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.Metric;
import io.whimbrel.proto.v1.PointsGrpc;
import io.whimbrel.proto.v1.Value;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IngestIT {
  @TempDir Path data;
  private RunningServer server;
  private final Answers<IngestResponse> answers = new Answers<>();

  @BeforeEach
  void start() throws Exception {
    server = new RunningServer(data, Map.of("ingest-streams-max", "1"));
    server.create("docs", Metric.METRIC_COSINE);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void batchesAreAnsweredInOrderAndABadOneStopsNothing() throws Exception {
    StreamObserver<IngestRequest> stream = open();
    int batches = 200;
    for (int i = 0; i < batches; i++) {
      IngestRequest.Builder batch = batch(i, "p" + i);
      if (i > 0) {
        batch.clearCollection();
      }
      if (i == 50) {
        batch.addPoints(point("p50", vector(1, 2, 3)));
      }
      stream.onNext(batch.build());
    }
    stream.onCompleted();

    long seq = 0;
    for (int i = 0; i < batches; i++) {
      IngestResponse answer = answers.next();
      assertThat(answer.getBatch()).isEqualTo(i);
      if (i == 50) {
        assertThat(answer.getError().getReason()).isEqualTo("DUPLICATE_ID");
        assertThat(answer.getError().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT.value());
        assertThat(answer.getError().getField()).isEqualTo("points[1].id");
        assertThat(answer.getError().getMessage()).contains("\"p50\"");
      } else {
        assertThat(answer.getWritten().getAffected()).isEqualTo(1);
        assertThat(answer.getWritten().getSeq()).isGreaterThan(seq);
        seq = answer.getWritten().getSeq();
      }
    }
    assertThat(answers.end()).isEmpty();
    assertThat(count()).isEqualTo(batches - 1);
  }

  @Test
  void aLaterBatchWinsOverAnEarlierOne() throws Exception {
    StreamObserver<IngestRequest> stream = open();
    int batches = 300;
    for (int i = 0; i < batches; i++) {
      stream.onNext(
          batch(i)
              .addPoints(
                  point("same", vector(1, 2, 3)).toBuilder()
                      .putPayload("round", Value.newBuilder().setIntValue(i).build()))
              .build());
    }
    stream.onCompleted();
    for (int i = 0; i < batches; i++) {
      assertThat(answers.next().hasWritten()).isTrue();
    }

    var stored =
        server.points.get(
            GetRequest.newBuilder().setCollection("docs").addIds(RunningServer.id("same")).build());
    assertThat(stored.getPoints(0).getPayloadOrThrow("round").getIntValue()).isEqualTo(batches - 1);
  }

  @Test
  void aStreamWithoutACollectionEnds() throws Exception {
    open().onNext(batch(1, "p").clearCollection().build());

    StatusRuntimeException e = answers.end().orElseThrow();
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(RunningServer.errorInfo(e).getMetadataMap()).containsEntry("field", "collection");
    assertThat(count()).isZero();
  }

  @Test
  void refusalsOfOneBatchNameTheirField() throws Exception {
    StreamObserver<IngestRequest> stream = open();
    UnknownFieldSet unknown =
        UnknownFieldSet.newBuilder()
            .addField(77, UnknownFieldSet.Field.newBuilder().addVarint(1).build())
            .build();
    stream.onNext(batch(1, "p").build());
    stream.onNext(batch(2, "q").setCollection("other").build());
    stream.onNext(batch(3, "q").setUnknownFields(unknown).build());
    stream.onNext(batch(4).addPoints(point("z", vector(0, 0, 0))).build());

    assertThat(answers.next().hasWritten()).isTrue();
    assertError(answers.next(), "INVALID_ARGUMENT", "collection", "\"other\"");
    assertError(answers.next(), "INVALID_ARGUMENT", "#77", "unknown field");
    assertError(answers.next(), "ZERO_VECTOR", "points[0].vectors.default", "direction");
    stream.onCompleted();
    assertThat(answers.end()).isEmpty();
    assertThat(count()).isEqualTo(1);
  }

  @Test
  void streamsAreBoundedAndTheirPlaceIsGivenBack() throws Exception {
    StreamObserver<IngestRequest> first = open();
    first.onNext(batch(1, "p").build());
    assertThat(answers.next().hasWritten()).isTrue();

    Answers<IngestResponse> refused = new Answers<>();
    var _ = PointsGrpc.newStub(server.channel).ingest(refused);
    StatusRuntimeException e = refused.end().orElseThrow();
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(RunningServer.errorInfo(e).getReason()).isEqualTo("OVERLOADED");

    first.onCompleted();
    assertThat(answers.end()).isEmpty();
    Answers<IngestResponse> again = new Answers<>();
    StreamObserver<IngestRequest> second = PointsGrpc.newStub(server.channel).ingest(again);
    second.onNext(batch(1, "q").build());
    assertThat(again.next().hasWritten()).isTrue();
    second.onCompleted();
  }

  @Test
  void aStopAnswersWhatWasTakenAndEndsTheStream() throws Exception {
    open().onNext(batch(1, "p").build());
    assertThat(answers.next().hasWritten()).isTrue();

    server.server.stop();

    StatusRuntimeException e = answers.end().orElseThrow();
    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(RunningServer.errorInfo(e).getReason()).isEqualTo("UNAVAILABLE");
  }

  private StreamObserver<IngestRequest> open() {
    return PointsGrpc.newStub(server.channel).ingest(answers);
  }

  private static IngestRequest.Builder batch(int number, String... ids) {
    IngestRequest.Builder batch = IngestRequest.newBuilder().setCollection("docs").setBatch(number);
    for (String id : ids) {
      batch.addPoints(point(id, vector(1, 2, 3)));
    }
    return batch;
  }

  private long count() {
    return server.points.count(CountRequest.newBuilder().setCollection("docs").build()).getCount();
  }

  private static void assertError(IngestResponse answer, String reason, String field, String text) {
    BatchError error = answer.getError();
    assertThat(error.getReason()).isEqualTo(reason);
    assertThat(error.getField()).isEqualTo(field);
    assertThat(error.getMessage()).startsWith(field + ": ").contains(text);
  }
}
