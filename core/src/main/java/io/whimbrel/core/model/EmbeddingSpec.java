package io.whimbrel.core.model;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What one version of a vector field holds. Immutable for the life of the version.
///
/// @param dimension values in a vector or in a token row, 1 to 65,536
/// @param normalized whether the model's output is scaled to unit length
/// @param sourceFields payload fields that the vectors are made from
/// @param keepOriginals whether the store keeps vectors exactly as they were written, whatever
///   `storage` the searched copy has. Without, which is for INT8 only, it keeps the codes: a
///   quarter of the bytes, and what is read back is what the codes stand for.
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
    boolean keepOriginals) {
  public EmbeddingSpec {
    Limits.checkRange("dimension", dimension, 1, Limits.DIMENSION_MAX);
    Limits.checkRange("source_fields", sourceFields.size(), 0, Limits.SOURCE_FIELDS_MAX);
    Limits.checkRange("document_prefix", documentPrefix.length(), 0, Limits.MODEL_PART_BYTES_MAX);
    Limits.checkRange("query_prefix", queryPrefix.length(), 0, Limits.MODEL_PART_BYTES_MAX);
    sourceFields = List.copyOf(sourceFields);
    if (!keepOriginals && storage != Storage.INT8) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "keep_originals",
          false,
          "true with storage " + storage + ", whose rows are the originals");
    }
  }

  /// With originals kept.
  public EmbeddingSpec(
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
      String queryPrefix) {
    this(
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
        true);
  }

  /// Client vectors of `model`, one float32 vector a point, exact scan.
  public static EmbeddingSpec flat(ModelId model, int dimension, Metric metric) {
    return of(model, dimension, metric, new IndexSpec.Flat());
  }

  /// Client vectors of `model`, one float32 vector a point.
  public static EmbeddingSpec of(ModelId model, int dimension, Metric metric, IndexSpec index) {
    return new EmbeddingSpec(
        model,
        dimension,
        metric,
        Cardinality.SINGLE,
        Storage.FLOAT32,
        index,
        List.of(),
        Origin.CLIENT,
        false,
        "",
        "");
  }

  /// The same with its vectors kept otherwise.
  public EmbeddingSpec stored(Storage otherStorage, boolean originalsKept) {
    return new EmbeddingSpec(
        model,
        dimension,
        metric,
        cardinality,
        otherStorage,
        index,
        sourceFields,
        origin,
        normalized,
        documentPrefix,
        queryPrefix,
        originalsKept);
  }

  /// Stable hash of what makes vectors comparable: model, dimension, normalisation, prefixes and
  /// pooling. 32 hex digits.
  ///
  /// Metric, storage and index are not part of it: they say how vectors are searched, not what they
  /// mean.
  public String spaceId() {
    String canonical =
        Stream.of(
                "whimbrel-space-1",
                model.provider(),
                model.name(),
                model.revision(),
                Integer.toString(dimension),
                Boolean.toString(normalized),
                documentPrefix,
                queryPrefix,
                cardinality.name())
            .map(part -> part.length() + ":" + part)
            .collect(Collectors.joining());
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(canonical.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
