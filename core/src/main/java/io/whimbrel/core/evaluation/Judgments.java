package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.PointId;
import java.util.Arrays;
import java.util.Map;

/// The graded points of one query. 0 and below is judged not relevant; a point that is not here is
/// unjudged.
public final class Judgments {
  /// Points judged for one query.
  public static final int POINTS_MAX = 10_000;

  private static final int GRADE_MIN = -1000;
  private static final int GRADE_MAX = 1000;

  private final Map<PointId, Integer> grades;

  /// Positive grades, highest first.
  private final int[] ideal;

  public Judgments(Map<PointId, Integer> grades) {
    Limits.checkRange("judgments", grades.size(), 0, POINTS_MAX);
    grades.values().forEach(grade -> Limits.checkRange("grade", grade, GRADE_MIN, GRADE_MAX));
    this.grades = Map.copyOf(grades);
    int[] ascending =
        grades.values().stream()
            .mapToInt(Integer::intValue)
            .filter(grade -> grade > 0)
            .sorted()
            .toArray();
    this.ideal = new int[ascending.length];
    Arrays.setAll(ideal, i -> ascending[ascending.length - 1 - i]);
  }

  public Map<PointId, Integer> grades() {
    return grades;
  }

  public boolean isJudged(PointId id) {
    return grades.containsKey(id);
  }

  public boolean isRelevant(PointId id) {
    return gain(id) > 0;
  }

  /// Number of relevant points.
  public int relevant() {
    return ideal.length;
  }

  /// The grade, 0 when negative or unjudged.
  int gain(PointId id) {
    return Math.max(0, grades.getOrDefault(id, 0));
  }

  /// Discounted gain of the best order of the first `k`, of all for 0.
  double idealGain(int k) {
    double sum = 0;
    for (int i = 0; i < ideal.length && (k == 0 || i < k); i++) {
      sum += discounted(ideal[i], i);
    }
    return sum;
  }

  /// `index` counts from 0.
  static double discounted(int gain, int index) {
    return gain == 0 ? 0 : gain * Math.log(2) / Math.log(index + 2.0);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Judgments judgments && judgments.grades.equals(grades);
  }

  @Override
  public int hashCode() {
    return grades.hashCode();
  }
}
