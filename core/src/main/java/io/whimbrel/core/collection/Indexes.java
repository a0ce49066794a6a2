package io.whimbrel.core.collection;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.Kernels;
import java.util.Optional;

/// The one place where a spec becomes an index.
final class Indexes {
  private final Kernels kernels;

  Indexes(Kernels kernels) {
    this.kernels = kernels;
  }

  /// How the index of a spec is kept in a file; empty when it is built from the store at each open.
  Optional<IndexFormat> format(EmbeddingSpec spec) {
    return switch (spec.index()) {
      case IndexSpec.Hnsw _ -> Optional.empty();
      case IndexSpec.Flat _, IndexSpec.MultiVector _ -> Optional.empty();
    };
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
