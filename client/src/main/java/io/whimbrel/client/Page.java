package io.whimbrel.client;

import java.util.List;

/**
 * Some points in id order.
 *
 * @param nextCursor where the next page starts, a short text safe in URLs; empty when there are no
 *     more points
 * @param seq sequence number that was visible
 */
public record Page(List<Point> points, String nextCursor, long seq) {
  /** The cursor of the first page. */
  public static final String START = "";

  public Page {
    points = List.copyOf(points);
  }

  public boolean last() {
    return nextCursor.isEmpty();
  }
}
