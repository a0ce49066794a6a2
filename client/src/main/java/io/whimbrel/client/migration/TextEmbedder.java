package io.whimbrel.client.migration;

import java.util.ArrayList;
import java.util.List;

/**
 * A model: text to vector. Called by several threads at a time.
 *
 * <p>The text comes with the prefix that the version's spec asks for.
 */
@FunctionalInterface
public interface TextEmbedder {
  float[] embed(String text) throws Exception;

  /** The vectors of several texts, in order; for models that are faster in batches. */
  default List<float[]> embedAll(List<String> texts) throws Exception {
    List<float[]> vectors = new ArrayList<>(texts.size());
    for (String text : texts) {
      vectors.add(embed(text));
    }
    return vectors;
  }
}
