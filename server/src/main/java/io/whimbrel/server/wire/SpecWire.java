package io.whimbrel.server.wire;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.AddFieldRequest;
import io.whimbrel.proto.v1.AddIndexRequest;
import io.whimbrel.proto.v1.Collection;
import io.whimbrel.proto.v1.CreateCollectionRequest;
import io.whimbrel.proto.v1.DeleteCollectionRequest;
import io.whimbrel.proto.v1.DropFieldRequest;
import io.whimbrel.proto.v1.DropIndexRequest;
import io.whimbrel.proto.v1.Field;
import io.whimbrel.proto.v1.FlatIndexSpec;
import io.whimbrel.proto.v1.GetCollectionRequest;
import io.whimbrel.proto.v1.HnswIndexSpec;
import io.whimbrel.proto.v1.ListCollectionsRequest;
import io.whimbrel.proto.v1.Model;
import io.whimbrel.proto.v1.MultiVectorIndexSpec;
import io.whimbrel.proto.v1.PayloadIndex;
import io.whimbrel.proto.v1.PayloadType;
import io.whimbrel.proto.v1.SetTtlRequest;
import io.whimbrel.proto.v1.Ttl;
import io.whimbrel.proto.v1.Version;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Collections, their fields and versions.
public final class SpecWire {
  private SpecWire() {}

  public static CollectionSpec create(CreateCollectionRequest message) {
    Form.known(message);
    if (!message.hasSpec()) {
      throw Form.missing("spec", "the collection to make");
    }
    try {
      return collection(message.getSpec());
    } catch (WhimbrelException e) {
      throw Form.within("spec", e);
    }
  }

  public static String name(GetCollectionRequest message) {
    Form.known(message);
    return name(message.getName());
  }

  public static String name(DeleteCollectionRequest message) {
    Form.known(message);
    return name(message.getName());
  }

  public static void check(ListCollectionsRequest message) {
    Form.known(message);
  }

  private static String name(String name) {
    if (name.isEmpty()) {
      throw Form.missing("name", "the name of a collection");
    }
    return name;
  }

  private static CollectionSpec collection(io.whimbrel.proto.v1.CollectionSpec message) {
    Form.known(message);
    Limits.checkRange("fields", message.getFieldsCount(), 1, Limits.FIELDS_MAX);
    List<FieldSpec> fields = new ArrayList<>(message.getFieldsCount());
    for (int i = 0; i < message.getFieldsCount(); i++) {
      try {
        fields.add(field(message.getFields(i)));
      } catch (WhimbrelException e) {
        throw Form.within("fields[" + i + "]", e);
      }
    }
    Limits.checkRange("indexes", message.getIndexesCount(), 0, Limits.PAYLOAD_INDEXES_MAX);
    List<PayloadIndexSpec> indexes = new ArrayList<>(message.getIndexesCount());
    for (int i = 0; i < message.getIndexesCount(); i++) {
      try {
        indexes.add(index(message.getIndexes(i)));
      } catch (WhimbrelException e) {
        throw Form.within("indexes[" + i + "]", e);
      }
    }
    Limits.checkRange("texts", message.getTextsCount(), 0, Limits.TEXT_INDEXES_MAX);
    List<TextIndexSpec> texts = new ArrayList<>(message.getTextsCount());
    for (int i = 0; i < message.getTextsCount(); i++) {
      try {
        texts.add(TextWire.spec(message.getTexts(i)));
      } catch (WhimbrelException e) {
        throw Form.within("texts[" + i + "]", e);
      }
    }
    return new CollectionSpec(
        message.getName(), fields, indexes, texts, path("ttl_path", message.getTtlPath()));
  }

  private static PayloadIndexSpec index(io.whimbrel.proto.v1.PayloadIndexSpec message) {
    Form.known(message);
    String expected =
        "PAYLOAD_TYPE_KEYWORD, PAYLOAD_TYPE_INT64, PAYLOAD_TYPE_DOUBLE, PAYLOAD_TYPE_BOOL or"
            + " PAYLOAD_TYPE_TIMESTAMP";
    ScalarType type =
        switch (message.getType()) {
          case PAYLOAD_TYPE_KEYWORD -> ScalarType.KEYWORD;
          case PAYLOAD_TYPE_INT64 -> ScalarType.INT64;
          case PAYLOAD_TYPE_DOUBLE -> ScalarType.DOUBLE;
          case PAYLOAD_TYPE_BOOL -> ScalarType.BOOL;
          case PAYLOAD_TYPE_TIMESTAMP -> ScalarType.TIMESTAMP;
          case PAYLOAD_TYPE_UNSPECIFIED -> throw Form.missing("type", expected);
          case UNRECOGNIZED -> throw Form.unknownEnum("type", message.getTypeValue(), expected);
        };
    return new PayloadIndexSpec(FieldPath.parse("path", message.getPath()), type);
  }

  /// Empty for no path.
  private static Optional<FieldPath> path(String field, String text) {
    return text.isEmpty() ? Optional.empty() : Optional.of(FieldPath.parse(field, text));
  }

  /// A vector field to add.
  public record AddField(String collection, FieldSpec field) {}

  public static AddField addField(AddFieldRequest message) {
    Form.known(message);
    String collection = Form.collection(message.getCollection());
    if (!message.hasField()) {
      throw Form.missing("field", "the field to add");
    }
    try {
      return new AddField(collection, field(message.getField()));
    } catch (WhimbrelException e) {
      throw Form.within("field", e);
    }
  }

  /// A vector field to drop.
  public record DropField(String collection, String field) {}

  public static DropField dropField(DropFieldRequest message) {
    Form.known(message);
    return new DropField(
        Form.collection(message.getCollection()), QueryWire.fieldName(message.getField()));
  }

  /// By which path points expire.
  public record SetTtl(String collection, Optional<FieldPath> path) {}

  public static SetTtl setTtl(SetTtlRequest message) {
    Form.known(message);
    return new SetTtl(Form.collection(message.getCollection()), path("path", message.getPath()));
  }

  /// A payload index to declare.
  public record AddIndex(String collection, PayloadIndexSpec index) {}

  public static AddIndex addIndex(AddIndexRequest message) {
    Form.known(message);
    if (!message.hasIndex()) {
      throw Form.missing("index", "the index to declare");
    }
    try {
      return new AddIndex(Form.collection(message.getCollection()), index(message.getIndex()));
    } catch (WhimbrelException e) {
      throw e.field().equals("collection") ? e : Form.within("index", e);
    }
  }

  /// A payload index to drop.
  public record DropIndex(String collection, FieldPath path) {}

  public static DropIndex dropIndex(DropIndexRequest message) {
    Form.known(message);
    return new DropIndex(
        Form.collection(message.getCollection()), FieldPath.parse("path", message.getPath()));
  }

  private static FieldSpec field(io.whimbrel.proto.v1.FieldSpec message) {
    Form.known(message);
    if (!message.hasSpec()) {
      throw Form.missing("spec", "what the vectors of the field are");
    }
    EmbeddingSpec spec;
    try {
      spec = embedding(message.getSpec());
    } catch (WhimbrelException e) {
      throw Form.within("spec", e);
    }
    return new FieldSpec(QueryWire.fieldName(message.getName()), spec);
  }

  /// The new version of a migration: vectors of a client, or derived by the server.
  static EmbeddingSpec target(io.whimbrel.proto.v1.EmbeddingSpec message) {
    return embedding(
        message,
        message.getOrigin() == io.whimbrel.proto.v1.Origin.ORIGIN_DERIVED
            ? Origin.DERIVED
            : origin(message));
  }

  private static EmbeddingSpec embedding(io.whimbrel.proto.v1.EmbeddingSpec message) {
    return embedding(message, origin(message));
  }

  private static EmbeddingSpec embedding(
      io.whimbrel.proto.v1.EmbeddingSpec message, Origin origin) {
    Form.known(message);
    if (!message.getSpaceId().isEmpty()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "space_id",
          '"' + message.getSpaceId() + '"',
          "nothing: the server computes it from the rest of the spec");
    }
    return new EmbeddingSpec(
        model(message.getModel()),
        Form.range("dimension", message.getDimension(), 1, Limits.DIMENSION_MAX),
        metric(message),
        cardinality(message),
        storage(message),
        index(message.getIndex()),
        message.getSourceFieldsList(),
        origin,
        message.getNormalized(),
        message.getDocumentPrefix(),
        message.getQueryPrefix(),
        !message.hasKeepOriginals() || message.getKeepOriginals());
  }

  private static ModelId model(Model message) {
    try {
      Form.known(message);
    } catch (WhimbrelException e) {
      throw Form.within("model", e);
    }
    return new ModelId(message.getProvider(), message.getName(), message.getRevision());
  }

  private static Metric metric(io.whimbrel.proto.v1.EmbeddingSpec message) {
    String expected = "METRIC_COSINE, METRIC_DOT or METRIC_L2";
    return switch (message.getMetric()) {
      case METRIC_COSINE -> Metric.COSINE;
      case METRIC_DOT -> Metric.DOT;
      case METRIC_L2 -> Metric.L2;
      case METRIC_UNSPECIFIED -> throw Form.missing("metric", expected);
      case UNRECOGNIZED -> throw Form.unknownEnum("metric", message.getMetricValue(), expected);
    };
  }

  private static Cardinality cardinality(io.whimbrel.proto.v1.EmbeddingSpec message) {
    String expected = "CARDINALITY_SINGLE or CARDINALITY_MULTI";
    return switch (message.getCardinality()) {
      case CARDINALITY_UNSPECIFIED, CARDINALITY_SINGLE -> Cardinality.SINGLE;
      case CARDINALITY_MULTI -> Cardinality.MULTI;
      case UNRECOGNIZED ->
          throw Form.unknownEnum("cardinality", message.getCardinalityValue(), expected);
    };
  }

  private static Storage storage(io.whimbrel.proto.v1.EmbeddingSpec message) {
    String expected = "STORAGE_FLOAT32 or STORAGE_INT8";
    return switch (message.getStorage()) {
      case STORAGE_UNSPECIFIED, STORAGE_FLOAT32 -> Storage.FLOAT32;
      case STORAGE_INT8 -> Storage.INT8;
      case UNRECOGNIZED -> throw Form.unknownEnum("storage", message.getStorageValue(), expected);
    };
  }

  private static Origin origin(io.whimbrel.proto.v1.EmbeddingSpec message) {
    String expected = "ORIGIN_CLIENT";
    return switch (message.getOrigin()) {
      case ORIGIN_UNSPECIFIED, ORIGIN_CLIENT -> Origin.CLIENT;
      case ORIGIN_PROVIDER, ORIGIN_DERIVED ->
          throw WhimbrelException.unimplemented("origin", message.getOrigin(), expected);
      case UNRECOGNIZED -> throw Form.unknownEnum("origin", message.getOriginValue(), expected);
    };
  }

  private static IndexSpec index(io.whimbrel.proto.v1.IndexSpec message) {
    try {
      Form.known(message);
      return switch (message.getKindCase()) {
        case FLAT -> {
          Form.known(message.getFlat());
          yield new IndexSpec.Flat();
        }
        case KIND_NOT_SET -> new IndexSpec.Flat();
        case HNSW -> hnsw(message.getHnsw());
        case MULTI_VECTOR -> multiVector(message.getMultiVector());
      };
    } catch (WhimbrelException e) {
      throw Form.within("index", e);
    }
  }

  private static IndexSpec multiVector(MultiVectorIndexSpec message) {
    Form.known(message);
    int centroids = message.getCentroids();
    return new IndexSpec.MultiVector(
        centroids == 0 ? IndexSpec.MultiVector.CENTROIDS_DEFAULT : centroids,
        message.getPoolFactor() == 0 ? 1 : message.getPoolFactor());
  }

  private static IndexSpec hnsw(HnswIndexSpec message) {
    Form.known(message);
    int m = message.getM() == 0 ? IndexSpec.Hnsw.M_DEFAULT : message.getM();
    int ef =
        message.getEfConstruction() == 0
            ? IndexSpec.Hnsw.EF_CONSTRUCTION_DEFAULT
            : message.getEfConstruction();
    return new IndexSpec.Hnsw(
        Form.range("hnsw.m", m, IndexSpec.Hnsw.M_MIN, IndexSpec.Hnsw.M_MAX),
        Form.range(
            "hnsw.ef_construction",
            ef,
            IndexSpec.Hnsw.EF_CONSTRUCTION_MIN,
            IndexSpec.Hnsw.EF_CONSTRUCTION_MAX));
  }

  public static Collection message(CollectionInfo info) {
    Collection.Builder out =
        Collection.newBuilder()
            .setName(info.name())
            .setPoints(info.points())
            .setCreatedSeq(info.createdSeq());
    info.fields().forEach(field -> out.addFields(message(field)));
    info.indexes().forEach(index -> out.addIndexes(message(index)));
    info.texts().forEach(text -> out.addTexts(TextWire.message(text)));
    out.addAllAliases(info.aliases());
    info.ttl()
        .ifPresent(ttl ->
            out.setTtl(
                Ttl.newBuilder()
                    .setPath(ttl.path().text())
                    .setWaiting(ttl.waiting())
                    .setDeleted(ttl.deleted())));
    return out.build();
  }

  private static PayloadIndex message(CollectionInfo.PayloadIndexInfo index) {
    return PayloadIndex.newBuilder()
        .setSpec(
            io.whimbrel.proto.v1.PayloadIndexSpec.newBuilder()
                .setPath(index.spec().path().text())
                .setType(
                    switch (index.spec().type()) {
                      case KEYWORD -> PayloadType.PAYLOAD_TYPE_KEYWORD;
                      case INT64 -> PayloadType.PAYLOAD_TYPE_INT64;
                      case DOUBLE -> PayloadType.PAYLOAD_TYPE_DOUBLE;
                      case BOOL -> PayloadType.PAYLOAD_TYPE_BOOL;
                      case TIMESTAMP -> PayloadType.PAYLOAD_TYPE_TIMESTAMP;
                    }))
        .setReady(index.ready())
        .setPoints(index.points())
        .setValues(index.values())
        .setNote(index.note())
        .build();
  }

  private static Field message(CollectionInfo.FieldInfo field) {
    Field.Builder out =
        Field.newBuilder()
            .setName(field.name())
            .addAllWriteSet(field.writeSet())
            .setReadVersion(field.readVersion());
    for (CollectionInfo.VersionInfo version : field.versions()) {
      out.addVersions(
          Version.newBuilder()
              .setNumber(version.number())
              .setSpec(message(version.spec()))
              .setLive(version.live())
              .setCoverage(version.coverage())
              .setIndexBytes(version.indexBytes())
              .setPending(version.pending())
              .setIndexNote(version.indexNote()));
    }
    return out.build();
  }

  static io.whimbrel.proto.v1.EmbeddingSpec message(EmbeddingSpec spec) {
    return io.whimbrel.proto.v1.EmbeddingSpec.newBuilder()
        .setModel(
            Model.newBuilder()
                .setProvider(spec.model().provider())
                .setName(spec.model().name())
                .setRevision(spec.model().revision()))
        .setDimension(spec.dimension())
        .setMetric(
            switch (spec.metric()) {
              case COSINE -> io.whimbrel.proto.v1.Metric.METRIC_COSINE;
              case DOT -> io.whimbrel.proto.v1.Metric.METRIC_DOT;
              case L2 -> io.whimbrel.proto.v1.Metric.METRIC_L2;
            })
        .setCardinality(
            switch (spec.cardinality()) {
              case SINGLE -> io.whimbrel.proto.v1.Cardinality.CARDINALITY_SINGLE;
              case MULTI -> io.whimbrel.proto.v1.Cardinality.CARDINALITY_MULTI;
            })
        .setStorage(
            switch (spec.storage()) {
              case FLOAT32 -> io.whimbrel.proto.v1.Storage.STORAGE_FLOAT32;
              case INT8 -> io.whimbrel.proto.v1.Storage.STORAGE_INT8;
            })
        .setIndex(message(spec.index()))
        .addAllSourceFields(spec.sourceFields())
        .setOrigin(
            switch (spec.origin()) {
              case CLIENT -> io.whimbrel.proto.v1.Origin.ORIGIN_CLIENT;
              case PROVIDER -> io.whimbrel.proto.v1.Origin.ORIGIN_PROVIDER;
              case DERIVED -> io.whimbrel.proto.v1.Origin.ORIGIN_DERIVED;
            })
        .setNormalized(spec.normalized())
        .setDocumentPrefix(spec.documentPrefix())
        .setQueryPrefix(spec.queryPrefix())
        .setSpaceId(spec.spaceId())
        .setKeepOriginals(spec.keepOriginals())
        .build();
  }

  private static io.whimbrel.proto.v1.IndexSpec message(IndexSpec index) {
    io.whimbrel.proto.v1.IndexSpec.Builder out = io.whimbrel.proto.v1.IndexSpec.newBuilder();
    return switch (index) {
      case IndexSpec.Flat() -> out.setFlat(FlatIndexSpec.getDefaultInstance()).build();
      case IndexSpec.Hnsw(int m, int efConstruction) ->
          out.setHnsw(HnswIndexSpec.newBuilder().setM(m).setEfConstruction(efConstruction)).build();
      case IndexSpec.MultiVector(int centroids, int poolFactor) ->
          out.setMultiVector(
                  MultiVectorIndexSpec.newBuilder()
                      .setCentroids(centroids)
                      .setPoolFactor(poolFactor == 1 ? 0 : poolFactor))
              .build();
    };
  }
}
