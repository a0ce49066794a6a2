package io.whimbrel.server.wire;

import io.whimbrel.core.model.FacetCounts;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.proto.v1.FacetRequest;
import io.whimbrel.proto.v1.FacetResponse;
import io.whimbrel.proto.v1.FacetValue;

/// Facets.
public final class FacetWire {
  private static final int LIMIT_DEFAULT = 10;

  private FacetWire() {}

  public record Facet(String collection, FieldPath path, Filter filter, int limit, long minSeq) {}

  public static Facet facet(FacetRequest message) {
    Form.known(message);
    int limit = Form.range("limit", message.getLimit(), 0, Limits.FACET_VALUES_MAX);
    return new Facet(
        Form.collection(message.getCollection()),
        FieldPath.parse("path", message.getPath()),
        FilterWire.filter(message.hasFilter(), message.getFilter()),
        limit == 0 ? LIMIT_DEFAULT : limit,
        Form.seq("min_seq", message.getMinSeq()));
  }

  public static FacetResponse message(FacetCounts counts) {
    FacetResponse.Builder out =
        FacetResponse.newBuilder()
            .setDistinct(counts.distinct())
            .setPoints(counts.points())
            .setSeq(counts.seq());
    for (FacetCounts.Count count : counts.values()) {
      out.addValues(
          FacetValue.newBuilder()
              .setValue(ValueWire.message(count.value()))
              .setCount(count.points()));
    }
    return out.build();
  }
}
