package io.whimbrel.core.model;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalDouble;

/// How a search finds its version while a migration moves traffic.
///
/// @param key equal keys are answered alike; empty when the caller has none
/// @param epoch the policy by which the caller chose the space of its vector; 0 when it knows none
/// @param others the query in further spaces, each with its `spaceId`
/// @param minCoverage refuse to be answered by a version that covers a smaller share of the points,
///   in [0, 1]; needed to ask a version that is not ready
public record QueryRouting(
    String key, long epoch, List<Vector> others, OptionalDouble minCoverage) {
  public static final QueryRouting NONE =
      new QueryRouting("", 0, List.of(), OptionalDouble.empty());

  private static final int KEY_BYTES_MAX = 512;
  private static final int OTHERS_MAX = 8;

  public QueryRouting {
    Limits.checkRange("routing_key", key.getBytes(StandardCharsets.UTF_8).length, 0, KEY_BYTES_MAX);
    Limits.checkRange("vectors", others.size(), 0, OTHERS_MAX);
    others = List.copyOf(others);
    if (minCoverage.isPresent()
        && !(minCoverage.getAsDouble() >= 0 && minCoverage.getAsDouble() <= 1)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "min_coverage", minCoverage.getAsDouble(), "0 to 1");
    }
  }
}
