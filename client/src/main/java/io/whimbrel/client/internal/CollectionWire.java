package io.whimbrel.client.internal;

import io.whimbrel.client.Alias;
import io.whimbrel.client.AliasChange;
import io.whimbrel.client.Cardinality;
import io.whimbrel.client.CollectionInfo;
import io.whimbrel.client.CollectionInfo.FieldInfo;
import io.whimbrel.client.CollectionInfo.PayloadIndexInfo;
import io.whimbrel.client.CollectionInfo.TextIndexInfo;
import io.whimbrel.client.CollectionInfo.TtlInfo;
import io.whimbrel.client.CollectionInfo.VersionInfo;
import io.whimbrel.client.CollectionSpec;
import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.IndexSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.ModelId;
import io.whimbrel.client.Origin;
import io.whimbrel.client.PayloadIndexSpec;
import io.whimbrel.client.PayloadType;
import io.whimbrel.client.Storage;
import io.whimbrel.client.TextAnalyzer;
import io.whimbrel.client.TextIndexSpec;
import io.whimbrel.proto.v1.Collection;
import io.whimbrel.proto.v1.Field;
import io.whimbrel.proto.v1.FieldSpec;
import io.whimbrel.proto.v1.FlatIndexSpec;
import io.whimbrel.proto.v1.HnswIndexSpec;
import io.whimbrel.proto.v1.Model;
import io.whimbrel.proto.v1.MultiVectorIndexSpec;
import io.whimbrel.proto.v1.PayloadIndex;
import io.whimbrel.proto.v1.TextIndex;
import io.whimbrel.proto.v1.Version;
import java.util.List;
import java.util.Optional;

/** Collections and embedding specs to messages and back. */
public final class CollectionWire {
  private CollectionWire() {}

  public static io.whimbrel.proto.v1.CollectionSpec encode(CollectionSpec spec) {
    io.whimbrel.proto.v1.CollectionSpec.Builder message =
        io.whimbrel.proto.v1.CollectionSpec.newBuilder().setName(spec.name());
    spec.fields().forEach(field -> message.addFields(encode(field)));
    spec.indexes().forEach(index -> message.addIndexes(encode(index)));
    spec.texts().forEach(text -> message.addTexts(encode(text)));
    return message.setTtlPath(spec.ttlPath()).build();
  }

  public static io.whimbrel.proto.v1.TextIndexSpec encode(TextIndexSpec text) {
    return io.whimbrel.proto.v1.TextIndexSpec.newBuilder()
        .setPath(text.path())
        .setAnalyzer(
            switch (text.analyzer()) {
              case STANDARD -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_STANDARD;
              case SIMPLE -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_SIMPLE;
              case WHITESPACE -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_WHITESPACE;
              case ENGLISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_ENGLISH;
              case GERMAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_GERMAN;
              case FRENCH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_FRENCH;
              case SPANISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_SPANISH;
              case ITALIAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_ITALIAN;
              case PORTUGUESE -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_PORTUGUESE;
              case DUTCH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_DUTCH;
              case SWEDISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_SWEDISH;
              case NORWEGIAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_NORWEGIAN;
              case DANISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_DANISH;
              case FINNISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_FINNISH;
              case RUSSIAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_RUSSIAN;
              case ARABIC -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_ARABIC;
              case HINDI -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_HINDI;
              case CJK -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_CJK;
            })
        .build();
  }

  private static TextIndexInfo decode(TextIndex message) {
    TextAnalyzer analyzer =
        switch (message.getSpec().getAnalyzer()) {
          case TEXT_ANALYZER_STANDARD -> TextAnalyzer.STANDARD;
          case TEXT_ANALYZER_SIMPLE -> TextAnalyzer.SIMPLE;
          case TEXT_ANALYZER_WHITESPACE -> TextAnalyzer.WHITESPACE;
          case TEXT_ANALYZER_ENGLISH -> TextAnalyzer.ENGLISH;
          case TEXT_ANALYZER_GERMAN -> TextAnalyzer.GERMAN;
          case TEXT_ANALYZER_FRENCH -> TextAnalyzer.FRENCH;
          case TEXT_ANALYZER_SPANISH -> TextAnalyzer.SPANISH;
          case TEXT_ANALYZER_ITALIAN -> TextAnalyzer.ITALIAN;
          case TEXT_ANALYZER_PORTUGUESE -> TextAnalyzer.PORTUGUESE;
          case TEXT_ANALYZER_DUTCH -> TextAnalyzer.DUTCH;
          case TEXT_ANALYZER_SWEDISH -> TextAnalyzer.SWEDISH;
          case TEXT_ANALYZER_NORWEGIAN -> TextAnalyzer.NORWEGIAN;
          case TEXT_ANALYZER_DANISH -> TextAnalyzer.DANISH;
          case TEXT_ANALYZER_FINNISH -> TextAnalyzer.FINNISH;
          case TEXT_ANALYZER_RUSSIAN -> TextAnalyzer.RUSSIAN;
          case TEXT_ANALYZER_ARABIC -> TextAnalyzer.ARABIC;
          case TEXT_ANALYZER_HINDI -> TextAnalyzer.HINDI;
          case TEXT_ANALYZER_CJK -> TextAnalyzer.CJK;
          case TEXT_ANALYZER_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("analyzer", message.getSpec().getAnalyzerValue());
        };
    return new TextIndexInfo(
        new TextIndexSpec(message.getSpec().getPath(), analyzer),
        message.getReady(),
        message.getPoints(),
        message.getPending(),
        message.getDiskBytes(),
        message.getNote());
  }

  public static FieldSpec encode(io.whimbrel.client.FieldSpec field) {
    return FieldSpec.newBuilder().setName(field.name()).setSpec(encode(field.spec())).build();
  }

  public static io.whimbrel.proto.v1.AliasChange encode(AliasChange change) {
    io.whimbrel.proto.v1.AliasChange.Builder message =
        io.whimbrel.proto.v1.AliasChange.newBuilder();
    if (change instanceof AliasChange.Create create) {
      message.setCreate(alias(create.alias(), create.collection()));
    } else if (change instanceof AliasChange.Switch other) {
      message.setSwitch(alias(other.alias(), other.collection()));
    } else if (change instanceof AliasChange.Drop drop) {
      message.setDrop(drop.alias());
    }
    return message.build();
  }

  private static io.whimbrel.proto.v1.Alias.Builder alias(String name, String collection) {
    return io.whimbrel.proto.v1.Alias.newBuilder().setName(name).setCollection(collection);
  }

  public static List<Alias> aliases(List<io.whimbrel.proto.v1.Alias> messages) {
    return messages.stream()
        .map(message -> new Alias(message.getName(), message.getCollection()))
        .toList();
  }

  public static io.whimbrel.proto.v1.PayloadIndexSpec encode(PayloadIndexSpec index) {
    return io.whimbrel.proto.v1.PayloadIndexSpec.newBuilder()
        .setPath(index.path())
        .setType(
            switch (index.type()) {
              case KEYWORD -> io.whimbrel.proto.v1.PayloadType.PAYLOAD_TYPE_KEYWORD;
              case INT64 -> io.whimbrel.proto.v1.PayloadType.PAYLOAD_TYPE_INT64;
              case DOUBLE -> io.whimbrel.proto.v1.PayloadType.PAYLOAD_TYPE_DOUBLE;
              case BOOL -> io.whimbrel.proto.v1.PayloadType.PAYLOAD_TYPE_BOOL;
              case TIMESTAMP -> io.whimbrel.proto.v1.PayloadType.PAYLOAD_TYPE_TIMESTAMP;
            })
        .build();
  }

  private static PayloadIndexInfo decode(PayloadIndex message) {
    PayloadType type =
        switch (message.getSpec().getType()) {
          case PAYLOAD_TYPE_KEYWORD -> PayloadType.KEYWORD;
          case PAYLOAD_TYPE_INT64 -> PayloadType.INT64;
          case PAYLOAD_TYPE_DOUBLE -> PayloadType.DOUBLE;
          case PAYLOAD_TYPE_BOOL -> PayloadType.BOOL;
          case PAYLOAD_TYPE_TIMESTAMP -> PayloadType.TIMESTAMP;
          case PAYLOAD_TYPE_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("index type", message.getSpec().getTypeValue());
        };
    return new PayloadIndexInfo(
        new PayloadIndexSpec(message.getSpec().getPath(), type),
        message.getReady(),
        message.getPoints(),
        message.getValues(),
        message.getNote());
  }

  public static io.whimbrel.proto.v1.EmbeddingSpec encode(EmbeddingSpec spec) {
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
        .setIndex(encode(spec.index()))
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

  private static io.whimbrel.proto.v1.IndexSpec encode(IndexSpec index) {
    io.whimbrel.proto.v1.IndexSpec.Builder message = io.whimbrel.proto.v1.IndexSpec.newBuilder();
    if (index instanceof IndexSpec.Flat) {
      message.setFlat(FlatIndexSpec.getDefaultInstance());
    } else if (index instanceof IndexSpec.Hnsw hnsw) {
      message.setHnsw(
          HnswIndexSpec.newBuilder().setM(hnsw.m()).setEfConstruction(hnsw.efConstruction()));
    } else if (index instanceof IndexSpec.MultiVector multi) {
      message.setMultiVector(
          MultiVectorIndexSpec.newBuilder()
              .setCentroids(multi.centroids())
              .setPoolFactor(multi.poolFactor() == 1 ? 0 : multi.poolFactor()));
    }
    return message.build();
  }

  public static EmbeddingSpec decode(io.whimbrel.proto.v1.EmbeddingSpec message) {
    Model model = message.getModel();
    return new EmbeddingSpec(
        new ModelId(model.getProvider(), model.getName(), model.getRevision()),
        message.getDimension(),
        switch (message.getMetric()) {
          case METRIC_COSINE -> Metric.COSINE;
          case METRIC_DOT -> Metric.DOT;
          case METRIC_L2 -> Metric.L2;
          case METRIC_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("metric", message.getMetricValue());
        },
        switch (message.getCardinality()) {
          case CARDINALITY_SINGLE -> Cardinality.SINGLE;
          case CARDINALITY_MULTI -> Cardinality.MULTI;
          case CARDINALITY_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("cardinality", message.getCardinalityValue());
        },
        switch (message.getStorage()) {
          case STORAGE_FLOAT32 -> Storage.FLOAT32;
          case STORAGE_INT8 -> Storage.INT8;
          case STORAGE_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("storage", message.getStorageValue());
        },
        decode(message.getIndex()),
        message.getSourceFieldsList(),
        switch (message.getOrigin()) {
          case ORIGIN_CLIENT -> Origin.CLIENT;
          case ORIGIN_PROVIDER -> Origin.PROVIDER;
          case ORIGIN_DERIVED -> Origin.DERIVED;
          case ORIGIN_UNSPECIFIED, UNRECOGNIZED ->
              throw ValueWire.newerServer("origin", message.getOriginValue());
        },
        message.getNormalized(),
        message.getDocumentPrefix(),
        message.getQueryPrefix(),
        message.getSpaceId(),
        !message.hasKeepOriginals() || message.getKeepOriginals());
  }

  private static IndexSpec decode(io.whimbrel.proto.v1.IndexSpec message) {
    return switch (message.getKindCase()) {
      case FLAT -> new IndexSpec.Flat();
      case HNSW ->
          new IndexSpec.Hnsw(message.getHnsw().getM(), message.getHnsw().getEfConstruction());
      case MULTI_VECTOR ->
          new IndexSpec.MultiVector(
              message.getMultiVector().getCentroids(),
              Math.max(1, message.getMultiVector().getPoolFactor()));
      case KIND_NOT_SET -> throw ValueWire.newerServer("index", message.getKindCase());
    };
  }

  public static CollectionInfo decode(Collection message) {
    return new CollectionInfo(
        message.getName(),
        message.getFieldsList().stream().map(CollectionWire::decode).toList(),
        message.getPoints(),
        message.getCreatedSeq(),
        message.getIndexesList().stream().map(CollectionWire::decode).toList(),
        message.getTextsList().stream().map(CollectionWire::decode).toList(),
        message.getAliasesList(),
        message.hasTtl()
            ? Optional.of(
                new TtlInfo(
                    message.getTtl().getPath(),
                    message.getTtl().getWaiting(),
                    message.getTtl().getDeleted()))
            : Optional.empty());
  }

  private static FieldInfo decode(Field message) {
    return new FieldInfo(
        message.getName(),
        message.getVersionsList().stream().map(CollectionWire::decode).toList(),
        message.getWriteSetList(),
        message.getReadVersion());
  }

  private static VersionInfo decode(Version message) {
    return new VersionInfo(
        message.getNumber(),
        decode(message.getSpec()),
        message.getLive(),
        message.getCoverage(),
        message.getIndexBytes(),
        message.getPending(),
        message.getIndexNote());
  }
}
