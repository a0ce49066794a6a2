package io.whimbrel.bench.peers;

import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.search.AcceptDocs;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopKnnCollector;
import org.apache.lucene.search.VectorScorer;
import org.apache.lucene.search.knn.KnnSearchStrategy;
import org.apache.lucene.util.BitSetIterator;
import org.apache.lucene.util.FixedBitSet;

/// Lucene's HNSW under filters, in this process, as its query does it below the query layer: a walk
/// that looks past what is not accepted, given up for a scan once it has looked at more rows than
/// are accepted; a scan at once where these are no more than the beam.
public final class FilteredLucene implements AutoCloseable {
  private final LucenePeer peer;
  private final LeafReader leaf;

  private FilteredLucene(LucenePeer peer) {
    this.peer = peer;
    this.leaf = peer.leaf();
  }

  /// @param directory for the index; made here and removed by close
  /// @param rows a file of little-endian float32, under COSINE of unit length
  public static FilteredLucene build(
      Path directory, Path rows, int dimension, Metric metric, IndexSpec.Hnsw spec)
      throws IOException {
    LucenePeer peer = new LucenePeer(directory);
    FloatRows base = FloatRows.open(rows, dimension);
    peer.build(
        new Peer.Setup(base, metric, spec.m(), spec.efConstruction(), Storage.FLOAT32, 1), _ -> {});
    return new FilteredLucene(peer);
  }

  /// The rows of such a file.
  public static float[][] rows(Path file, int dimension) throws IOException {
    return FloatRows.open(file, dimension).all();
  }

  /// Rows as Lucene takes them.
  public static final class Accepted {
    private final FixedBitSet bits;
    private final int count;

    private Accepted(FixedBitSet bits, int count) {
      this.bits = bits;
      this.count = count;
    }

    public static Accepted of(BitSet rows, int rowCount) {
      FixedBitSet bits = new FixedBitSet(rowCount);
      rows.stream().forEach(bits::set);
      return new Accepted(bits, rows.cardinality());
    }
  }

  /// Puts the ids of the best `k` to `out` from `at` on; elements beyond the hits stay.
  public void search(float[] query, Accepted accepted, int ef, int k, int[] out, int at)
      throws IOException {
    TopKnnCollector collector = new TopKnnCollector(ef, Integer.MAX_VALUE);
    if (accepted.count == accepted.bits.length()) {
      AcceptDocs all = AcceptDocs.fromLiveDocs(null, leaf.maxDoc());
      leaf.searchNearestVectors(LucenePeer.FIELD, query, collector, all);
    } else if (accepted.count <= ef) {
      scan(query, accepted, collector);
    } else {
      collector = new TopKnnCollector(ef, accepted.count + 1, KnnSearchStrategy.Hnsw.DEFAULT);
      AcceptDocs some =
          AcceptDocs.fromIteratorSupplier(() -> iterator(accepted), null, leaf.maxDoc());
      leaf.searchNearestVectors(LucenePeer.FIELD, query, collector, some);
      if (collector.earlyTerminated()) {
        collector = new TopKnnCollector(ef, Integer.MAX_VALUE);
        scan(query, accepted, collector);
      }
    }
    ScoreDoc[] best = collector.topDocs().scoreDocs;
    for (int rank = 0; rank < Math.min(k, best.length); rank++) {
      out[at + rank] = best[rank].doc;
    }
  }

  private static DocIdSetIterator iterator(Accepted accepted) {
    return new BitSetIterator(accepted.bits, accepted.count);
  }

  private void scan(float[] query, Accepted accepted, TopKnnCollector collector)
      throws IOException {
    VectorScorer scorer = leaf.getFloatVectorValues(LucenePeer.FIELD).scorer(query);
    DocIdSetIterator rows = scorer.iterator();
    DocIdSetIterator wanted = iterator(accepted);
    for (int row = wanted.nextDoc(); row != DocIdSetIterator.NO_MORE_DOCS; row = wanted.nextDoc()) {
      rows.advance(row);
      collector.collect(row, scorer.score());
    }
  }

  @Override
  public void close() throws IOException {
    peer.close();
  }
}
