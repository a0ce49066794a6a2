package io.whimbrel.server.cli;

import io.whimbrel.client.Cardinality;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.ModelId;
import io.whimbrel.client.Storage;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// The options that describe the vectors of a field to be made.
final class SpecOptions {
  /// Kinds of index by the names users type.
  enum IndexKind {
    FLAT,
    HNSW,
    MULTI_VECTOR
  }

  @Option(
      names = "--metric",
      defaultValue = "cosine",
      description = "cosine, dot or l2. Default: ${DEFAULT-VALUE}")
  private Metric metric = Metric.COSINE;

  @Option(
      names = "--index",
      defaultValue = "flat",
      paramLabel = "KIND",
      description = "flat (exact scan), hnsw or multi_vector. Default: ${DEFAULT-VALUE}")
  private IndexKind index = IndexKind.FLAT;

  @Option(
      names = "--m",
      defaultValue = "16",
      paramLabel = "N",
      description = "HNSW: links a node on the upper layers. Default: ${DEFAULT-VALUE}")
  private int m;

  @Option(
      names = "--ef-construction",
      defaultValue = "200",
      paramLabel = "N",
      description = "HNSW: beam width while building. Default: ${DEFAULT-VALUE}")
  private int efConstruction;

  @Option(
      names = "--centroids",
      defaultValue = "4096",
      paramLabel = "N",
      description = "Multi-vector: token centroids. Default: ${DEFAULT-VALUE}")
  private int centroids;

  @Option(
      names = "--pool-factor",
      defaultValue = "1",
      paramLabel = "N",
      description =
          "Multi-vector, with --derived: so many times fewer tokens a point, those that lie close"
              + " together being one. Default: ${DEFAULT-VALUE}")
  private int poolFactor;

  @Option(
      names = "--storage",
      defaultValue = "float32",
      description = "float32 or int8: the copy that is searched. Default: ${DEFAULT-VALUE}")
  private Storage storage = Storage.FLOAT32;

  @Option(
      names = "--drop-originals",
      description =
          "With --storage int8: keep nothing else, a quarter of the bytes on disk too. Reads and"
              + " exports give the rounded vectors.")
  private boolean dropOriginals;

  @Option(
      names = "--cardinality",
      description =
          "single, or multi for one vector a token. Default: multi with a multi_vector index, else"
              + " single")
  private @Nullable Cardinality cardinality;

  @Option(
      names = "--field",
      defaultValue = FieldSpec.DEFAULT_NAME,
      paramLabel = "NAME",
      description = "Vector field. Default: ${DEFAULT-VALUE}")
  private String field = FieldSpec.DEFAULT_NAME;

  @Option(
      names = "--model",
      defaultValue = "",
      paramLabel = "PROVIDER/NAME[@REVISION]",
      description = "Model that makes the vectors; guards against mixing models.")
  private String model = "";

  String field() {
    return field;
  }

  EmbeddingSpec spec(int dimension) {
    IndexSpec kind =
        switch (index) {
          case FLAT -> new IndexSpec.Flat();
          case HNSW -> new IndexSpec.Hnsw(m, efConstruction);
          case MULTI_VECTOR -> new IndexSpec.MultiVector(centroids, poolFactor);
        };
    return EmbeddingSpec.builder(dimension, metric)
        .model(parseModel(model))
        .cardinality(cardinality())
        .storage(storage)
        .keepOriginals(!dropOriginals)
        .index(kind)
        .build();
  }

  private Cardinality cardinality() {
    if (cardinality != null) {
      return cardinality;
    }
    return index == IndexKind.MULTI_VECTOR ? Cardinality.MULTI : Cardinality.SINGLE;
  }

  /// Reads `provider/name@revision`; provider and revision may be missing, a name may hold more
  /// slashes.
  static ModelId parseModel(String text) {
    int at = text.lastIndexOf('@');
    String revision = at < 0 ? "" : text.substring(at + 1);
    String path = at < 0 ? text : text.substring(0, at);
    int slash = path.indexOf('/');
    return slash < 0
        ? new ModelId("", path, revision)
        : new ModelId(path.substring(0, slash), path.substring(slash + 1), revision);
  }
}
