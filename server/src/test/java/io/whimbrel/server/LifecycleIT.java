package io.whimbrel.server;

import static io.whimbrel.server.RunningServer.point;
import static io.whimbrel.server.RunningServer.upsert;
import static io.whimbrel.server.RunningServer.vector;
import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.whimbrel.proto.v1.CountRequest;
import io.whimbrel.proto.v1.GetRequest;
import io.whimbrel.proto.v1.GetResponse;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.IngestResponse;
import io.whimbrel.proto.v1.Metric;
import io.whimbrel.proto.v1.PointsGrpc;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LifecycleIT {
  private static final int WRITERS = 4;
  private static final int WRITES_BEFORE_STOP = 100;

  @TempDir Path data;

  @Test
  void aStopUnderWritersLosesNothingThatWasAcknowledged() throws Exception {
    Set<String> acknowledged = ConcurrentHashMap.newKeySet();
    AtomicInteger attempted = new AtomicInteger();
    CountDownLatch warm = new CountDownLatch(WRITES_BEFORE_STOP);
    try (RunningServer server = new RunningServer(data, Map.of());
        ExecutorService threads = Executors.newCachedThreadPool()) {
      server.create("docs", Metric.METRIC_L2);
      List<Future<Status.Code>> writers = new ArrayList<>();
      for (int w = 0; w < WRITERS; w++) {
        String name = "unary-" + w + "-";
        writers.add(threads.submit(() -> write(server, name, acknowledged, attempted, warm)));
      }
      writers.add(threads.submit(() -> ingest(server, acknowledged, attempted, warm)));

      warm.await();
      server.server.stop();

      for (Future<Status.Code> writer : writers) {
        assertThat(writer.get()).isEqualTo(Status.Code.UNAVAILABLE);
      }
    }
    assertThat(acknowledged).hasSizeGreaterThanOrEqualTo(WRITES_BEFORE_STOP);

    try (RunningServer reopened = new RunningServer(data, Map.of())) {
      for (String id : acknowledged) {
        GetResponse found =
            reopened.points.get(
                GetRequest.newBuilder().setCollection("docs").addIds(RunningServer.id(id)).build());
        assertThat(found.getPointsList()).as(id).hasSize(1);
        assertThat(found.getPoints(0).getPayloadOrThrow("name").getStringValue()).isEqualTo(id);
      }
      long count =
          reopened.points.count(CountRequest.newBuilder().setCollection("docs").build()).getCount();
      assertThat(count).isBetween((long) acknowledged.size(), (long) attempted.get());
    }
  }

  /// Writes one point after the other until a write fails; returns how it failed.
  private static Status.Code write(
      RunningServer server,
      String name,
      Set<String> acknowledged,
      AtomicInteger attempted,
      CountDownLatch warm) {
    for (int i = 0; ; i++) {
      String id = name + i;
      attempted.incrementAndGet();
      try {
        var _ = server.points.upsert(upsert("docs", point(id, vector(i, 1, 2))));
      } catch (StatusRuntimeException e) {
        return e.getStatus().getCode();
      }
      acknowledged.add(id);
      warm.countDown();
    }
  }

  private static Status.Code ingest(
      RunningServer server, Set<String> acknowledged, AtomicInteger attempted, CountDownLatch warm)
      throws InterruptedException {
    Answers<IngestResponse> answers = new Answers<>();
    StreamObserver<IngestRequest> stream = PointsGrpc.newStub(server.channel).ingest(answers);
    int ahead = 8;
    for (int i = 0; ; i++) {
      attempted.incrementAndGet();
      stream.onNext(
          IngestRequest.newBuilder()
              .setCollection("docs")
              .setBatch(i)
              .addPoints(point("stream-" + i, vector(i, 1, 2)))
              .build());
      if (i < ahead) {
        continue;
      }
      switch (answers.take()) {
        case Answers.Next<IngestResponse>(var answer) -> {
          assertThat(answer.hasWritten()).isTrue();
          acknowledged.add("stream-" + answer.getBatch());
          warm.countDown();
        }
        case Answers.End<IngestResponse>(var error) -> {
          return error.orElseThrow().getStatus().getCode();
        }
      }
    }
  }

  @Test
  void stoppingTwiceIsStoppingOnce() throws Exception {
    try (RunningServer server = new RunningServer(data, Map.of())) {
      server.server.stop();
      server.server.stop();
      server.server.awaitTermination();
    }
    new RunningServer(data, Map.of()).close();
  }
}
