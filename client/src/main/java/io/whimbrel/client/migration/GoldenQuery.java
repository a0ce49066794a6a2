package io.whimbrel.client.migration;

import io.whimbrel.client.PointId;
import io.whimbrel.client.Vector;
import java.util.List;
import java.util.Map;

/**
 * A query whose right answers are known.
 *
 * @param id without white space
 * @param vectors the query in each space it may be asked in, each naming its space
 * @param slices labels to report by, for example {@code language=de}
 * @param grades judged points; 1 or more is relevant
 */
public record GoldenQuery(
    String id,
    String text,
    List<Vector> vectors,
    Map<String, String> slices,
    Map<PointId, Integer> grades) {
  public GoldenQuery {
    vectors = List.copyOf(vectors);
    slices = Map.copyOf(slices);
    grades = Map.copyOf(grades);
  }
}
