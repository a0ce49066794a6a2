package io.whimbrel.client;

import java.util.List;

/**
 * What one version of a vector field holds. Immutable for the life of the version.
 *
 * @param dimension values in a vector or in a token row
 * @param sourceFields payload fields that the vectors are made from
 * @param normalized whether the model's output is scaled to unit length; part of the space
 * @param documentPrefix put before documents by whoever embeds; part of the space
 * @param queryPrefix put before queries by whoever embeds; part of the space
 * @param spaceId answers: a stable hash of what makes vectors comparable; the server computes it
 *     and refuses one in a request
 * @param keepOriginals whether the server keeps vectors exactly as they were written; without,
 *     which is for INT8 storage only, it keeps a quarter of the bytes and gives back rounded
 *     vectors
 */
public record EmbeddingSpec(
    ModelId model,
    int dimension,
    Metric metric,
    Cardinality cardinality,
    Storage storage,
    IndexSpec index,
    List<String> sourceFields,
    Origin origin,
    boolean normalized,
    String documentPrefix,
    String queryPrefix,
    String spaceId,
    boolean keepOriginals) {
  public EmbeddingSpec {
    Checks.atLeast("dimension", dimension, 1);
    sourceFields = List.copyOf(sourceFields);
  }

  /**
   * Starts with float32 vectors sent by the client, one a point, of an unnamed model, searched by
   * exact scan.
   */
  public static Builder builder(int dimension, Metric metric) {
    return new Builder(dimension, metric);
  }

  /** Collects the parts of a spec. Not safe for more than one thread. */
  public static final class Builder {
    private final int dimension;
    private final Metric metric;
    private ModelId model = ModelId.UNNAMED;
    private Cardinality cardinality = Cardinality.SINGLE;
    private Storage storage = Storage.FLOAT32;
    private IndexSpec index = new IndexSpec.Flat();
    private List<String> sourceFields = List.of();
    private Origin origin = Origin.CLIENT;
    private boolean normalized;
    private String documentPrefix = "";
    private String queryPrefix = "";
    private boolean keepOriginals = true;

    private Builder(int dimension, Metric metric) {
      this.dimension = dimension;
      this.metric = metric;
    }

    public Builder model(String provider, String name, String revision) {
      this.model = new ModelId(provider, name, revision);
      return this;
    }

    public Builder model(ModelId model) {
      this.model = model;
      return this;
    }

    public Builder cardinality(Cardinality cardinality) {
      this.cardinality = cardinality;
      return this;
    }

    public Builder storage(Storage storage) {
      this.storage = storage;
      return this;
    }

    public Builder index(IndexSpec index) {
      this.index = index;
      return this;
    }

    public Builder sourceFields(List<String> sourceFields) {
      this.sourceFields = sourceFields;
      return this;
    }

    public Builder origin(Origin origin) {
      this.origin = origin;
      return this;
    }

    public Builder normalized(boolean normalized) {
      this.normalized = normalized;
      return this;
    }

    public Builder documentPrefix(String documentPrefix) {
      this.documentPrefix = documentPrefix;
      return this;
    }

    public Builder queryPrefix(String queryPrefix) {
      this.queryPrefix = queryPrefix;
      return this;
    }

    /** True unless said otherwise; false with INT8 storage only. */
    public Builder keepOriginals(boolean keepOriginals) {
      this.keepOriginals = keepOriginals;
      return this;
    }

    public EmbeddingSpec build() {
      return new EmbeddingSpec(
          model,
          dimension,
          metric,
          cardinality,
          storage,
          index,
          sourceFields,
          origin,
          normalized,
          documentPrefix,
          queryPrefix,
          "",
          keepOriginals);
    }
  }
}
