package io.whimbrel.core.index;

import io.whimbrel.core.model.Metric;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The slow truth: scores in double, every live row sorted.
final class ExactSearch {
  private final Metric metric;
  private final Map<Integer, float[]> rows = new TreeMap<>();

  record Scored(int ordinal, double score) {}

  ExactSearch(Metric metric) {
    this.metric = metric;
  }

  void put(int ordinal, float[] vector) {
    rows.put(ordinal, vector.clone());
  }

  void remove(int ordinal) {
    rows.remove(ordinal);
  }

  int live() {
    return rows.size();
  }

  double score(float[] query, int ordinal) {
    float[] row = rows.get(ordinal);
    if (row == null) {
      throw new AssertionError("ordinal " + ordinal + " is not live");
    }
    double dot = 0;
    double queryNorm = 0;
    double rowNorm = 0;
    double distance = 0;
    for (int i = 0; i < query.length; i++) {
      dot += (double) query[i] * row[i];
      queryNorm += (double) query[i] * query[i];
      rowNorm += (double) row[i] * row[i];
      distance += ((double) query[i] - row[i]) * ((double) query[i] - row[i]);
    }
    return switch (metric) {
      case DOT -> dot;
      case COSINE -> dot / Math.sqrt(queryNorm) / Math.sqrt(rowNorm);
      case L2 -> -distance;
    };
  }

  List<Scored> search(float[] query, int k, double scoreThreshold) {
    List<Scored> all = new ArrayList<>();
    for (int ordinal : rows.keySet()) {
      double score = score(query, ordinal);
      if (score >= scoreThreshold) {
        all.add(new Scored(ordinal, score));
      }
    }
    all.sort(Comparator.comparingDouble((Scored s) -> -s.score()).thenComparing(Scored::ordinal));
    return all.subList(0, Math.min(k, all.size()));
  }
}
