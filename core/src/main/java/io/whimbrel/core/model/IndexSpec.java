package io.whimbrel.core.model;

/// How a version is searched.
public sealed interface IndexSpec {
  /// Exact scan of all vectors.
  record Flat() implements IndexSpec {}

  /// Graph search after Malkov and Yashunin 2016: `m` links a node on the upper layers, `2 * m` on
  /// the bottom layer; `efConstruction` is the beam width while building.
  record Hnsw(int m, int efConstruction) implements IndexSpec {
    public static final int M_MIN = 2;
    public static final int M_MAX = 128;
    public static final int M_DEFAULT = 16;
    public static final int EF_CONSTRUCTION_MIN = 4;
    public static final int EF_CONSTRUCTION_MAX = 10_000;
    public static final int EF_CONSTRUCTION_DEFAULT = 200;

    public Hnsw {
      Limits.checkRange("index.hnsw.m", m, M_MIN, M_MAX);
      Limits.checkRange(
          "index.hnsw.ef_construction", efConstruction, EF_CONSTRUCTION_MIN, EF_CONSTRUCTION_MAX);
    }

    /// The defaults: a good graph for most vectors.
    public Hnsw() {
      this(M_DEFAULT, EF_CONSTRUCTION_DEFAULT);
    }
  }

  /// Late interaction by a cascade over `centroids` token centroids: more tell tokens apart better
  /// and cost more to search and much more to insert.
  ///
  /// @param poolFactor how many times fewer tokens a document of a derived version has, those that
  ///   lie close together being one; 1 for all of them
  record MultiVector(int centroids, int poolFactor) implements IndexSpec {
    public static final int POOL_FACTOR_MAX = 64;
    public static final int CENTROIDS_MAX = 65_536;
    public static final int CENTROIDS_DEFAULT = 4096;

    public MultiVector {
      Limits.checkRange("index.multi_vector.centroids", centroids, 1, CENTROIDS_MAX);
      Limits.checkRange("index.multi_vector.pool_factor", poolFactor, 1, POOL_FACTOR_MAX);
    }

    public MultiVector(int centroids) {
      this(centroids, 1);
    }

    /// The default: good for some ten million tokens.
    public MultiVector() {
      this(CENTROIDS_DEFAULT);
    }
  }
}
