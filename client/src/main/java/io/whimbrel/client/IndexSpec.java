package io.whimbrel.client;

/** How a version is searched. */
public sealed interface IndexSpec {
  /** Exact scan of all vectors. */
  record Flat() implements IndexSpec {}

  /**
   * Graph search.
   *
   * @param m links a node on the upper layers; the bottom layer has twice as many. 2 to 128, 0 for
   *     the server's default, which is 16
   * @param efConstruction beam width while building, 4 to 10,000; 0 for the server's default, which
   *     is 200
   */
  record Hnsw(int m, int efConstruction) implements IndexSpec {
    public Hnsw {
      Checks.atLeast("index.hnsw.m", m, 0);
      Checks.atLeast("index.hnsw.ef_construction", efConstruction, 0);
    }

    /** The server's defaults, good for most vectors. */
    public Hnsw() {
      this(0, 0);
    }
  }

  /**
   * Late interaction by a cascade over {@code centroids} token centroids.
   *
   * @param poolFactor how many times fewer tokens a point of a derived version has, those that lie
   *     close together being one; 1 for all of them
   */
  record MultiVector(int centroids, int poolFactor) implements IndexSpec {
    public MultiVector {
      Checks.atLeast("index.multi_vector.centroids", centroids, 0);
      Checks.atLeast("index.multi_vector.pool_factor", poolFactor, 1);
    }

    public MultiVector(int centroids) {
      this(centroids, 1);
    }
  }
}
