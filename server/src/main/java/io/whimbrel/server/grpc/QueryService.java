package io.whimbrel.server.grpc;

import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.whimbrel.core.engine.Database;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.QueryGrpc;
import io.whimbrel.proto.v1.SearchBatchRequest;
import io.whimbrel.proto.v1.SearchBatchResponse;
import io.whimbrel.proto.v1.SearchRequest;
import io.whimbrel.proto.v1.SearchResponse;
import io.whimbrel.server.ops.WorkPool;
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
          List<QueryWire.Search> searches = QueryWire.searches(request);
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

  private SearchResponse search(QueryWire.Search search, long arrivedNanos) {
    Context context = Context.current();
    return QueryWire.message(
        search,
        database.search(
            search.collection(), search.request(), () -> Calls.abandoned(context), arrivedNanos));
  }
}
