package io.whimbrel.server.grpc;

import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.FacetRequest;
import io.whimbrel.proto.v1.FacetResponse;
import io.whimbrel.proto.v1.MineNegativesRequest;
import io.whimbrel.proto.v1.MineNegativesResponse;
import io.whimbrel.proto.v1.QueryGrpc;
import io.whimbrel.proto.v1.SearchBatchRequest;
import io.whimbrel.proto.v1.SearchBatchResponse;
import io.whimbrel.proto.v1.SearchRequest;
import io.whimbrel.proto.v1.SearchResponse;
import io.whimbrel.server.ops.WorkPool;
import io.whimbrel.server.wire.FacetWire;
import io.whimbrel.server.wire.MiningWire;
import io.whimbrel.server.wire.QueryWire;
import java.util.List;

/// Search.
final class QueryService extends QueryGrpc.QueryImplBase {
  private final Database database;
  private final WorkPool pool;

  QueryService(Database database, WorkPool pool) {
    this.database = database;
    this.pool = pool;
  }

  @Override
  public void search(SearchRequest request, StreamObserver<SearchResponse> call) {
    long arrived = System.nanoTime();
    Calls.answer(pool, call, () -> search(QueryWire.search(request), arrived));
  }

  @Override
  public void searchBatch(SearchBatchRequest request, StreamObserver<SearchBatchResponse> call) {
    long arrived = System.nanoTime();
    Calls.answer(
        pool,
        call,
        () -> {
          // All are converted before the first runs; what only the core can tell refuses the batch
          // as well.
          List<QueryWire.Call> searches = QueryWire.searches(request);
          SearchBatchResponse.Builder answer = SearchBatchResponse.newBuilder();
          for (int i = 0; i < searches.size(); i++) {
            try {
              // The others have waited for their own batch only.
              answer.addResponses(search(searches.get(i), i == 0 ? arrived : System.nanoTime()));
            } catch (WhimbrelException e) {
              throw e.code() == ErrorCode.CANCELLED ? e : QueryWire.inBatch(i, e);
            }
          }
          return answer.build();
        });
  }

  @Override
  public void facet(FacetRequest request, StreamObserver<FacetResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          Context context = Context.current();
          FacetWire.Facet facet = FacetWire.facet(request);
          return FacetWire.message(
              database.facet(
                  facet.collection(),
                  facet.path(),
                  facet.filter(),
                  facet.limit(),
                  facet.minSeq(),
                  () -> Calls.abandoned(context)));
        });
  }

  @Override
  public void mineNegatives(
      MineNegativesRequest request, StreamObserver<MineNegativesResponse> call) {
    Calls.answer(
        pool,
        call,
        () -> {
          Context context = Context.current();
          MiningWire.Mining mining = MiningWire.mining(request);
          return MiningWire.message(
              mining.goldenSet().isEmpty()
                  ? database.mineNegatives(
                      mining.collection(),
                      mining.options(),
                      mining.queries(),
                      () -> Calls.abandoned(context))
                  : database.mineNegatives(
                      mining.collection(),
                      mining.options(),
                      mining.goldenSet(),
                      mining.from(),
                      () -> Calls.abandoned(context)));
        });
  }

  private SearchResponse search(QueryWire.Call call, long arrivedNanos) {
    Context context = Context.current();
    return switch (call) {
      case QueryWire.Search search ->
          QueryWire.message(
              search,
              database.search(
                  search.collection(),
                  search.request(),
                  () -> Calls.abandoned(context),
                  arrivedNanos));
      case QueryWire.Tree tree ->
          QueryWire.message(
              tree,
              database.query(
                  tree.collection(), tree.request(), () -> Calls.abandoned(context), arrivedNanos));
    };
  }
}
