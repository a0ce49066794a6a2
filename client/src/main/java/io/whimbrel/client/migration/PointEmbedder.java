package io.whimbrel.client.migration;

import java.util.List;
import java.util.Optional;

/**
 * Finds or makes the vectors of leased points, in order; none for a point that can have none. An
 * exception gives all the points back. Called by several threads at a time.
 */
@FunctionalInterface
public interface PointEmbedder {
  List<Optional<float[]>> embed(List<LeasedPoint> points) throws Exception;
}
