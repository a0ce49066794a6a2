package io.whimbrel.bench.ann;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// The points of one system that no other of its points beats in recall and speed at once.
record Front(List<Point> points) {
  /// What is asked of every system.
  static final List<Double> LEVELS = List.of(0.90, 0.95, 0.99, 0.999);

  /// One beam width.
  ///
  /// @param qps queries a second of thread CPU time with one thread, of wall time with more
  /// @param wallQps queries a second of wall time
  record Point(int ef, double recall, double qps, double wallQps) {}

  /// Queries a second at a recall.
  ///
  /// @param lowerBound the system was above that recall at its smallest beam already
  record Reading(double qps, boolean lowerBound) {}

  static Front of(List<Point> all) {
    List<Point> sorted =
        all.stream()
            .sorted(
                Comparator.comparingDouble(Point::qps)
                    .reversed()
                    .thenComparing(Comparator.comparingDouble(Point::recall).reversed()))
            .toList();
    List<Point> front = new ArrayList<>();
    for (Point point : sorted) {
      if (front.isEmpty() || point.recall() > front.getLast().recall()) {
        front.add(point);
      }
    }
    return new Front(List.copyOf(front));
  }

  /// Between two points the logarithm of the speed is linear in recall; empty above the last one.
  Optional<Reading> at(double recall) {
    for (int i = 0; i < points.size(); i++) {
      Point right = points.get(i);
      if (right.recall() < recall) {
        continue;
      }
      if (i == 0) {
        return Optional.of(new Reading(right.qps(), right.recall() > recall));
      }
      Point left = points.get(i - 1);
      double share = (recall - left.recall()) / (right.recall() - left.recall());
      double log = Math.log(left.qps()) + share * Math.log(right.qps() / left.qps());
      return Optional.of(new Reading(Math.exp(log), false));
    }
    return Optional.empty();
  }

  double recallMax() {
    return points.isEmpty() ? 0 : points.getLast().recall();
  }
}
