package io.whimbrel.core.model;

import java.util.List;

/// Some points in id order.
///
/// @param nextCursor where the next page starts; empty when there are no more points
/// @param seq sequence number that was visible
public record Page(List<Point> points, byte[] nextCursor, long seq) {
  public Page {
    points = List.copyOf(points);
  }
}
