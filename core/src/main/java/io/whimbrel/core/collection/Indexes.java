package io.whimbrel.core.collection;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.Kernels;

/// The one place where a spec becomes an index.
final class Indexes {
  private final Kernels kernels;

  Indexes(Kernels kernels) {
    this.kernels = kernels;
  }

  /// An empty index; its caller closes it. Refuses with UNIMPLEMENTED what there is none for.
  VectorIndex create(EmbeddingSpec spec) {
    return switch (spec.index()) {
      case IndexSpec.Flat() -> new FlatIndex(spec.dimension(), spec.metric(), kernels);
      case IndexSpec.Hnsw hnsw -> new HnswIndex(spec.dimension(), spec.metric(), hnsw, kernels);
      case IndexSpec.MultiVector _ ->
          throw WhimbrelException.unimplemented("spec.index", "MultiVector", "Flat or Hnsw");
    };
  }
}
