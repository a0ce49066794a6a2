package io.whimbrel.bench.peers;

import io.whimbrel.bench.report.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.apache.lucene.codecs.KnnVectorsFormat;
import org.apache.lucene.codecs.lucene104.Lucene104Codec;
import org.apache.lucene.codecs.lucene99.Lucene99HnswVectorsFormat;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.KnnFloatVectorField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.index.NoMergePolicy;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.search.AcceptDocs;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopKnnCollector;
import org.apache.lucene.store.MMapDirectory;
import org.apache.lucene.util.Version;
import org.jspecify.annotations.Nullable;

/// Lucene's HNSW over float32: one segment in mapped files, searched below the query layer, so that
/// only the graph is measured.
final class LucenePeer implements Peer {
  static final String FIELD = "vector";

  private final Path directory;
  private @Nullable MMapDirectory files;
  private @Nullable DirectoryReader reader;

  /// @param directory for the index; made here and removed by close
  LucenePeer(Path directory) {
    this.directory = directory;
  }

  @Override
  public void build(Setup setup, IntConsumer progress) throws IOException {
    VectorSimilarityFunction similarity =
        switch (setup.metric()) {
          case L2 -> VectorSimilarityFunction.EUCLIDEAN;
          // Of unit length, where Lucene advises it.
          case COSINE -> VectorSimilarityFunction.DOT_PRODUCT;
          case DOT -> VectorSimilarityFunction.MAXIMUM_INNER_PRODUCT;
        };
    Lucene99HnswVectorsFormat format =
        new Lucene99HnswVectorsFormat(setup.m(), setup.efConstruction());
    IndexWriterConfig config =
        new IndexWriterConfig()
            .setCodec(
                new Lucene104Codec() {
                  @Override
                  public KnnVectorsFormat getKnnVectorsFormatForField(String field) {
                    return format;
                  }
                })
            .setUseCompoundFile(false)
            // One segment: nothing is flushed before the end, so nothing is merged.
            .setMaxBufferedDocs(Integer.MAX_VALUE)
            .setRAMBufferSizeMB(IndexWriterConfig.DISABLE_AUTO_FLUSH)
            .setMergePolicy(NoMergePolicy.INSTANCE);
    config.setRAMPerThreadHardLimitMB(2047);
    MMapDirectory opened = new MMapDirectory(directory);
    files = opened;
    FloatRows base = setup.base();
    try (IndexWriter writer = new IndexWriter(opened, config)) {
      for (int row = 0; row < base.count(); row++) {
        float[] values = new float[base.dimension()];
        base.copy(row, values);
        Document document = new Document();
        document.add(new KnnFloatVectorField(FIELD, values, similarity));
        writer.addDocument(document);
        progress.accept(row + 1);
      }
    }
    reader = DirectoryReader.open(opened);
  }

  @Override
  public Searcher searcher() {
    LeafReader leaf = leaf();
    AcceptDocs all = AcceptDocs.fromLiveDocs(leaf.getLiveDocs(), leaf.maxDoc());
    return (query, ef, k, out, at) -> {
      TopKnnCollector collector = new TopKnnCollector(ef, Integer.MAX_VALUE);
      leaf.searchNearestVectors(FIELD, query, collector, all);
      ScoreDoc[] best = collector.topDocs().scoreDocs;
      for (int rank = 0; rank < Math.min(k, best.length); rank++) {
        out[at + rank] = best[rank].doc;
      }
    };
  }

  /// The only segment of what was built.
  LeafReader leaf() {
    List<LeafReader> leaves =
        Objects.requireNonNull(reader).leaves().stream().map(leaf -> leaf.reader()).toList();
    if (leaves.size() != 1) {
      throw new IllegalStateException(leaves.size() + " segments (expected: 1)");
    }
    return leaves.getFirst();
  }

  @Override
  public long residentBytes(long heapGrowth) throws IOException {
    return heapGrowth + Directories.bytes(directory);
  }

  @Override
  public String note() {
    return "Lucene " + Version.LATEST + ", float32, one segment in mapped files";
  }

  @Override
  public void close() throws IOException {
    if (reader != null) {
      reader.close();
    }
    if (files != null) {
      files.close();
    }
    if (Files.exists(directory)) {
      Directories.removeAll(directory);
    }
  }
}
