package io.whimbrel.core.model;

/// How a version is searched.
public sealed interface IndexSpec {
  /// Exact scan of all vectors.
  record Flat() implements IndexSpec {}

  /// Graph search after Malkov and Yashunin 2016: `m` links a node on the upper layers, `2 * m` on
  /// the bottom layer; `efConstruction` is the beam width while building.
  record Hnsw(int m, int efConstruction) implements IndexSpec {
    public Hnsw {
      Limits.checkRange("index.hnsw.m", m, 2, 128);
      Limits.checkRange("index.hnsw.ef_construction", efConstruction, 4, 10_000);
    }
  }

  /// Late interaction by a cascade over `centroids` token centroids.
  record MultiVector(int centroids) implements IndexSpec {
    public MultiVector {
      Limits.checkRange("index.multi_vector.centroids", centroids, 1, 65_536);
    }
  }
}
