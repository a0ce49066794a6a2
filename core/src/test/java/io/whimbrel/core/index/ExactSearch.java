package io.whimbrel.core.index;

import io.whimbrel.core.model.Metric;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The slow truth: scores in double, every live row sorted. Rows go by their labels.
public final class ExactSearch {
  private final Metric metric;
  private final Map<Integer, float[]> rows = new TreeMap<>();

  public record Scored(int label, double score) {}

  public ExactSearch(Metric metric) {
    this.metric = metric;
  }

  public void put(int label, float[] vector) {
    rows.put(label, vector.clone());
  }

  public void remove(int label) {
    rows.remove(label);
  }

  public int live() {
    return rows.size();
  }

  public double score(float[] query, int label) {
    float[] row = rows.get(label);
    if (row == null) {
      throw new AssertionError("label " + label + " is not live");
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

  public List<Scored> search(float[] query, int k, double scoreThreshold) {
    List<Scored> all = new ArrayList<>();
    for (int label : rows.keySet()) {
      double score = score(query, label);
      if (score >= scoreThreshold) {
        all.add(new Scored(label, score));
      }
    }
    all.sort(Comparator.comparingDouble((Scored s) -> -s.score()).thenComparingInt(Scored::label));
    return all.subList(0, Math.min(k, all.size()));
  }
}
