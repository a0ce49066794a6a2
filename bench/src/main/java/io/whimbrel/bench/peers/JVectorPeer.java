package io.whimbrel.bench.peers;

import io.github.jbellis.jvector.graph.GraphIndexBuilder;
import io.github.jbellis.jvector.graph.GraphSearcher;
import io.github.jbellis.jvector.graph.ImmutableGraphIndex;
import io.github.jbellis.jvector.graph.ListRandomAccessVectorValues;
import io.github.jbellis.jvector.graph.SearchResult;
import io.github.jbellis.jvector.graph.similarity.BuildScoreProvider;
import io.github.jbellis.jvector.graph.similarity.DefaultSearchScoreProvider;
import io.github.jbellis.jvector.util.Bits;
import io.github.jbellis.jvector.vector.VectorSimilarityFunction;
import io.github.jbellis.jvector.vector.VectorizationProvider;
import io.github.jbellis.jvector.vector.types.VectorFloat;
import io.whimbrel.core.model.Metric;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// JVector's graph over float32 in memory, with exact scores. `2 * m` links a node, as the others
/// have on their bottom layer.
final class JVectorPeer implements Peer {
  // What its documentation recommends.
  private static final float OVERFLOW = 1.2f;
  private static final float ALPHA = 1.2f;

  private static final VectorizationProvider VECTORIZATION = VectorizationProvider.getInstance();

  private VectorSimilarityFunction similarity = VectorSimilarityFunction.EUCLIDEAN;
  private @Nullable ListRandomAccessVectorValues rows;
  private @Nullable ImmutableGraphIndex graph;

  @Override
  public void build(Setup setup, IntConsumer progress) throws IOException {
    similarity = similarity(setup.metric());
    ListRandomAccessVectorValues copies = copy(setup.base());
    rows = copies;
    graph = graph(setup, copies, progress);
  }

  static VectorSimilarityFunction similarity(Metric metric) {
    return metric == Metric.L2
        ? VectorSimilarityFunction.EUCLIDEAN
        : VectorSimilarityFunction.DOT_PRODUCT;
  }

  static VectorFloat<?> vector(float[] values) {
    return VECTORIZATION.getVectorTypeSupport().createFloatVector(values);
  }

  /// The kind of kernels that run.
  static String vectorization() {
    return VECTORIZATION.getClass().getSimpleName();
  }

  static ListRandomAccessVectorValues copy(FloatRows base) {
    List<VectorFloat<?>> copies = new ArrayList<>(base.count());
    for (int row = 0; row < base.count(); row++) {
      float[] values = new float[base.dimension()];
      base.copy(row, values);
      copies.add(vector(values));
    }
    return new ListRandomAccessVectorValues(copies, base.dimension());
  }

  static ImmutableGraphIndex graph(
      Setup setup, ListRandomAccessVectorValues rows, IntConsumer progress) throws IOException {
    try (GraphIndexBuilder builder =
        new GraphIndexBuilder(
            BuildScoreProvider.randomAccessScoreProvider(rows, similarity(setup.metric())),
            rows.dimension(),
            2 * setup.m(),
            setup.efConstruction(),
            OVERFLOW,
            ALPHA,
            true)) {
      for (int row = 0; row < rows.size(); row++) {
        builder.addGraphNode(row, rows.getVector(row));
        progress.accept(row + 1);
      }
      builder.cleanup();
      return builder.getGraph();
    }
  }

  static void copy(SearchResult found, int k, int[] out, int at) {
    SearchResult.NodeScore[] best = found.getNodes();
    for (int rank = 0; rank < Math.min(k, best.length); rank++) {
      out[at + rank] = best[rank].node;
    }
  }

  @Override
  @SuppressWarnings("resource") // The searcher holds nothing but memory, and lasts as long as this.
  public Searcher searcher() {
    GraphSearcher searcher = new GraphSearcher(Objects.requireNonNull(graph));
    ListRandomAccessVectorValues values = Objects.requireNonNull(rows);
    return (query, ef, k, out, at) ->
        copy(
            searcher.search(
                DefaultSearchScoreProvider.exact(vector(query), similarity, values),
                k,
                ef,
                0,
                0,
                Bits.ALL),
            k,
            out,
            at);
  }

  @Override
  public long residentBytes(long heapGrowth) {
    return heapGrowth;
  }

  @Override
  public String note() {
    return "JVector, float32 in memory, exact scores, " + vectorization();
  }

  @Override
  public void close() throws IOException {
    if (graph != null) {
      graph.close();
    }
  }
}
