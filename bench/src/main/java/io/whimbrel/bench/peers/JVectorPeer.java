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
import io.github.jbellis.jvector.vector.types.VectorTypeSupport;
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

  private final VectorizationProvider vectorization = VectorizationProvider.getInstance();
  private final VectorTypeSupport vectors = vectorization.getVectorTypeSupport();
  private VectorSimilarityFunction similarity = VectorSimilarityFunction.EUCLIDEAN;
  private @Nullable ListRandomAccessVectorValues rows;
  private @Nullable ImmutableGraphIndex graph;

  @Override
  public void build(Setup setup, IntConsumer progress) throws IOException {
    similarity =
        setup.metric() == Metric.L2
            ? VectorSimilarityFunction.EUCLIDEAN
            : VectorSimilarityFunction.DOT_PRODUCT;
    FloatRows base = setup.base();
    List<VectorFloat<?>> copies = new ArrayList<>(base.count());
    for (int row = 0; row < base.count(); row++) {
      float[] values = new float[base.dimension()];
      base.copy(row, values);
      copies.add(vectors.createFloatVector(values));
    }
    ListRandomAccessVectorValues values =
        new ListRandomAccessVectorValues(copies, base.dimension());
    rows = values;
    BuildScoreProvider scores = BuildScoreProvider.randomAccessScoreProvider(values, similarity);
    try (GraphIndexBuilder builder =
        new GraphIndexBuilder(
            scores,
            base.dimension(),
            2 * setup.m(),
            setup.efConstruction(),
            OVERFLOW,
            ALPHA,
            true)) {
      for (int row = 0; row < base.count(); row++) {
        builder.addGraphNode(row, values.getVector(row));
        progress.accept(row + 1);
      }
      builder.cleanup();
      graph = builder.getGraph();
    }
  }

  @Override
  @SuppressWarnings("resource") // The searcher holds nothing but memory, and lasts as long as this.
  public Searcher searcher() {
    GraphSearcher searcher = new GraphSearcher(Objects.requireNonNull(graph));
    ListRandomAccessVectorValues values = Objects.requireNonNull(rows);
    return (query, ef, k, out, at) -> {
      SearchResult found =
          searcher.search(
              DefaultSearchScoreProvider.exact(
                  vectors.createFloatVector(query), similarity, values),
              k,
              ef,
              0,
              0,
              Bits.ALL);
      SearchResult.NodeScore[] best = found.getNodes();
      for (int rank = 0; rank < Math.min(k, best.length); rank++) {
        out[at + rank] = best[rank].node;
      }
    };
  }

  @Override
  public long bytesOutsideHeap() {
    return 0;
  }

  @Override
  public String note() {
    return "JVector, float32 in memory, exact scores, " + vectorization.getClass().getSimpleName();
  }

  @Override
  public void close() throws IOException {
    if (graph != null) {
      graph.close();
    }
  }
}
