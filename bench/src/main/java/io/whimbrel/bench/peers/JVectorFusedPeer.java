package io.whimbrel.bench.peers;

import io.github.jbellis.jvector.disk.ReaderSupplier;
import io.github.jbellis.jvector.disk.ReaderSupplierFactory;
import io.github.jbellis.jvector.graph.GraphSearcher;
import io.github.jbellis.jvector.graph.ImmutableGraphIndex;
import io.github.jbellis.jvector.graph.ListRandomAccessVectorValues;
import io.github.jbellis.jvector.graph.SearchResult;
import io.github.jbellis.jvector.graph.disk.OnDiskGraphIndex;
import io.github.jbellis.jvector.graph.disk.OnDiskGraphIndexWriter;
import io.github.jbellis.jvector.graph.disk.feature.FeatureId;
import io.github.jbellis.jvector.graph.disk.feature.FusedPQ;
import io.github.jbellis.jvector.graph.disk.feature.InlineVectors;
import io.github.jbellis.jvector.graph.similarity.DefaultSearchScoreProvider;
import io.github.jbellis.jvector.quantization.PQVectors;
import io.github.jbellis.jvector.quantization.ProductQuantization;
import io.github.jbellis.jvector.util.Bits;
import io.github.jbellis.jvector.vector.VectorSimilarityFunction;
import io.github.jbellis.jvector.vector.types.VectorFloat;
import io.whimbrel.core.model.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ForkJoinPool;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// JVector's fastest form: its graph in a mapped file whose nodes hold the product codes of their
/// neighbours and their own float32 vector, with which every candidate is rescored.
final class JVectorFusedPeer implements Peer {
  /// Values a code byte stands for.
  private static final int VALUES_PER_CODE = 8;

  private static final int CLUSTERS = 256;

  private final Path file;
  private VectorSimilarityFunction similarity = VectorSimilarityFunction.EUCLIDEAN;
  private @Nullable ReaderSupplier reader;
  private @Nullable OnDiskGraphIndex graph;

  /// @param file for the graph; made here and removed by close
  JVectorFusedPeer(Path file) {
    this.file = file;
  }

  @Override
  public void build(Setup setup, IntConsumer progress) throws IOException {
    similarity = JVectorPeer.similarity(setup.metric());
    int dimension = setup.base().dimension();
    ListRandomAccessVectorValues rows = JVectorPeer.copy(setup.base());
    try (ImmutableGraphIndex built = JVectorPeer.graph(setup, rows, progress)) {
      ProductQuantization quantizer =
          ProductQuantization.compute(
              rows,
              Math.max(1, dimension / VALUES_PER_CODE),
              CLUSTERS,
              setup.metric() == Metric.L2);
      PQVectors codes = quantizer.encodeAll(rows, ForkJoinPool.commonPool());
      write(built, rows, new FusedPQ(built.maxDegree(), quantizer), codes);
    }
    ReaderSupplier opened = ReaderSupplierFactory.open(file);
    reader = opened;
    graph = OnDiskGraphIndex.load(opened);
  }

  private void write(
      ImmutableGraphIndex built, ListRandomAccessVectorValues rows, FusedPQ fused, PQVectors codes)
      throws IOException {
    try (ImmutableGraphIndex.View view = built.getView();
        OnDiskGraphIndexWriter writer =
            new OnDiskGraphIndexWriter.Builder(built, file)
                .with(new InlineVectors(rows.dimension()))
                .with(fused)
                .build()) {
      writer.write(
          Map.of(
              FeatureId.INLINE_VECTORS,
              node -> new InlineVectors.State(rows.getVector(node)),
              FeatureId.FUSED_PQ,
              node -> new FusedPQ.State(view, codes, node)));
    }
  }

  @Override
  @SuppressWarnings("resource") // The searcher and its view last as long as the index.
  public Searcher searcher() {
    GraphSearcher searcher = new GraphSearcher(Objects.requireNonNull(graph));
    OnDiskGraphIndex.View view = (OnDiskGraphIndex.View) searcher.getView();
    return (query, ef, k, out, at) -> {
      VectorFloat<?> vector = JVectorPeer.vector(query);
      SearchResult found =
          searcher.search(
              new DefaultSearchScoreProvider(
                  view.approximateScoreFunctionFor(vector, similarity),
                  view.rerankerFor(vector, similarity)),
              k,
              ef,
              0,
              0,
              Bits.ALL);
      JVectorPeer.copy(found, k, out, at);
    };
  }

  @Override
  public long residentBytes(long heapGrowth) throws IOException {
    return heapGrowth + Files.size(file);
  }

  @Override
  public String note() {
    return "JVector, mapped file with fused product codes ("
        + VALUES_PER_CODE
        + " values a byte) and float32, rescored, "
        + JVectorPeer.vectorization();
  }

  @Override
  public void close() throws IOException {
    if (graph != null) {
      graph.close();
    }
    if (reader != null) {
      reader.close();
    }
    Files.deleteIfExists(file);
  }
}
