package io.whimbrel.core.collection;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.maxsim.MaxSimIndex;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
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
      case IndexSpec.Hnsw _, IndexSpec.MultiVector _ -> true;
      case IndexSpec.Flat _ -> false;
    };
  }

  /// The index that was saved to `file`, exactly as of its [VectorIndex#seq]; the caller closes it.
  /// `IOException` when the file is damaged, of another format, spec or identity.
  VectorIndex open(EmbeddingSpec spec, Path file, String identity) throws IOException {
    return switch (spec.index()) {
      case IndexSpec.Hnsw hnsw ->
          HnswIndex.open(
              file, identity, spec.dimension(), spec.metric(), spec.storage(), hnsw, kernels);
      case IndexSpec.MultiVector multi ->
          MaxSimIndex.open(
              file, identity, spec.dimension(), spec.metric(), spec.storage(), multi, kernels);
      case IndexSpec.Flat _ ->
          throw new IllegalStateException(spec.index() + " is not kept in files");
    };
  }

  /// Replaces `file` whole or not at all. Any thread, while writes, searches and work go on.
  static void save(VectorIndex index, Path file, String identity) throws IOException {
    switch (index) {
      case HnswIndex graph -> graph.save(file, identity);
      case MaxSimIndex tokens -> tokens.save(file, identity);
      default -> throw new IllegalStateException(index.getClass() + " is not kept in files");
    }
  }

  /// An empty index; its caller closes it.
  VectorIndex create(EmbeddingSpec spec) {
    return switch (spec.index()) {
      case IndexSpec.Flat() ->
          new FlatIndex(spec.dimension(), spec.metric(), spec.storage(), kernels);
      case IndexSpec.Hnsw hnsw ->
          new HnswIndex(spec.dimension(), spec.metric(), spec.storage(), hnsw, kernels);
      case IndexSpec.MultiVector multi ->
          new MaxSimIndex(spec.dimension(), spec.metric(), spec.storage(), multi, kernels);
    };
  }
}
