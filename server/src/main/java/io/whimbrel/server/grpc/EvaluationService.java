package io.whimbrel.server.grpc;

import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Evaluations;
import io.whimbrel.proto.v1.DeleteGoldenSetRequest;
import io.whimbrel.proto.v1.DeleteGoldenSetResponse;
import io.whimbrel.proto.v1.EvaluateRequest;
import io.whimbrel.proto.v1.EvaluationGrpc;
import io.whimbrel.proto.v1.EvaluationReport;
import io.whimbrel.proto.v1.GoldenSetInfo;
import io.whimbrel.proto.v1.ListGoldenSetsRequest;
import io.whimbrel.proto.v1.ListGoldenSetsResponse;
import io.whimbrel.proto.v1.PutGoldenSetRequest;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.EvaluationWire;

/// Golden sets and evaluations.
final class EvaluationService extends EvaluationGrpc.EvaluationImplBase {
  private final Evaluations evaluations;
  private final WorkPool pool;

  EvaluationService(Evaluations evaluations, WorkPool pool) {
    this.evaluations = evaluations;
    this.pool = pool;
  }

  @Override
  public void putGoldenSet(PutGoldenSetRequest request, StreamObserver<GoldenSetInfo> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          EvaluationWire.Put put = EvaluationWire.put(request);
          return EvaluationWire.message(
              evaluations.put(put.collection(), put.field(), put.name(), put.set()));
        });
  }

  @Override
  public void listGoldenSets(
      ListGoldenSetsRequest request, StreamObserver<ListGoldenSetsResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          ListGoldenSetsResponse.Builder answer = ListGoldenSetsResponse.newBuilder();
          evaluations
              .list(EvaluationWire.list(request))
              .forEach(info -> answer.addGoldenSets(EvaluationWire.message(info)));
          return answer.build();
        });
  }

  @Override
  public void deleteGoldenSet(
      DeleteGoldenSetRequest request, StreamObserver<DeleteGoldenSetResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          EvaluationWire.Named named = EvaluationWire.delete(request);
          evaluations.delete(named.collection(), named.name());
          return DeleteGoldenSetResponse.getDefaultInstance();
        });
  }

  @Override
  public void evaluate(EvaluateRequest request, StreamObserver<EvaluationReport> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          EvaluationWire.Evaluate evaluate = EvaluationWire.evaluate(request);
          Context context = Context.current();
          return EvaluationWire.message(
              evaluations.evaluate(
                  evaluate.collection(),
                  evaluate.name(),
                  evaluate.baseline(),
                  evaluate.candidate(),
                  evaluate.options(),
                  () -> Calls.abandoned(context)),
              evaluate.withRuns());
        });
  }
}
