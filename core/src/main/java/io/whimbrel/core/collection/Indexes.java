package io.whimbrel.core.collection;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.Kernels;
import java.io.IOException;
import java.nio.file.Path;

/// The one place where a spec becomes an index.
final class Indexes {
  private final Kernels kernels;

  Indexes(Kernels kernels) {
    this.kernels = kernels;
  }

  /// Whether indexes of the spec are kept in files; others are loaded from the store at each open.
  static boolean inFiles(EmbeddingSpec spec) {
    return switch (spec.index()) {
      case IndexSpec.Hnsw _ -> true;
      case IndexSpec.Flat _, IndexSpec.MultiVector _ -> false;
    };
  }

  /// The index that was saved to `file`, exactly as of its [VectorIndex#seq]; the caller closes it.
  /// `IOException` when the file is damaged, of another format, spec or identity.
  VectorIndex open(EmbeddingSpec spec, Path file, String identity) throws IOException {
    return switch (spec.index()) {
      case IndexSpec.Hnsw hnsw ->
          HnswIndex.open(
              file, identity, spec.dimension(), spec.metric(), spec.storage(), hnsw, kernels);
      case IndexSpec.Flat _, IndexSpec.MultiVector _ ->
          throw new IllegalStateException(spec.index() + " is not kept in files");
    };
  }

  /// Replaces `file` whole or not at all. Any thread, while writes, searches and work go on.
  static void save(VectorIndex index, Path file, String identity) throws IOException {
    if (!(index instanceof HnswIndex graph)) {
      throw new IllegalStateException(index.getClass() + " is not kept in files");
    }
    graph.save(file, identity);
  }

  /// An empty index; its caller closes it. Refuses with UNIMPLEMENTED what there is none for.
  VectorIndex create(EmbeddingSpec spec) {
    return switch (spec.index()) {
      case IndexSpec.Flat() ->
          new FlatIndex(spec.dimension(), spec.metric(), spec.storage(), kernels);
      case IndexSpec.Hnsw hnsw ->
          new HnswIndex(spec.dimension(), spec.metric(), spec.storage(), hnsw, kernels);
      case IndexSpec.MultiVector _ ->
          throw WhimbrelException.unimplemented("spec.index", "MultiVector", "Flat or Hnsw");
    };
  }
}
