package io.whimbrel.core.store;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.FieldSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.Storage;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A row `C`: a collection with its fields and their versions. Numbers, not names, stand in all
/// other keys.
///
/// @param nextField field numbers are given once and never again
/// @param dropped numbers of fields whose rows are still to be removed
/// @param ttl the payload path whose timestamp says when a point expires
public record CollectionRecord(
    String name,
    long createdSeq,
    List<FieldRecord> fields,
    int nextField,
    List<Integer> dropped,
    Optional<FieldPath> ttl) {
  private static final int FORMAT = 3;
  private static final int FLAT = 1;
  private static final int HNSW = 2;
  private static final int MULTI_VECTOR = 3;
  private static final int POOLED_MULTI_VECTOR = 4;

  // Bits of the flags of a spec.
  private static final int NORMALIZED = 1;
  private static final int ORIGINALS_DROPPED = 2;

  public CollectionRecord {
    fields = List.copyOf(fields);
    dropped = List.copyOf(dropped);
  }

  /// @param writeSet versions that take writes
  /// @param readVersion the version that answers reads without a routing key
  /// @param nextVersion version numbers are given once and never again
  /// @param retired spaces of versions that were dropped, oldest first
  public record FieldRecord(
      int number,
      String name,
      List<VersionRecord> versions,
      List<Integer> writeSet,
      int readVersion,
      int nextVersion,
      Route route,
      List<String> retired) {
    public FieldRecord {
      versions = List.copyOf(versions);
      writeSet = List.copyOf(writeSet);
      retired = List.copyOf(retired);
    }
  }

  /// Who answers reads: buckets below `basisPoints` the new version, the others the old one.
  ///
  /// @param epoch grows with every change
  /// @param migration number of the open migration; 0 when there is none
  public record Route(long epoch, long migration, int basisPoints, int fromVersion, int toVersion) {
    /// One version answers everything.
    public static Route only(int version, long epoch) {
      return new Route(epoch, 0, 0, version, version);
    }
  }

  /// @param input what clients send, when the server computes the version's vectors from it
  public record VersionRecord(int number, EmbeddingSpec spec, Optional<EmbeddingSpec> input) {
    public VersionRecord(int number, EmbeddingSpec spec) {
      this(number, spec, Optional.empty());
    }
  }

  /// The same collection with `field` in place of the one of its number.
  public CollectionRecord with(FieldRecord field) {
    return withFields(fields.stream().map(f -> f.number() == field.number() ? field : f).toList());
  }

  private CollectionRecord withFields(List<FieldRecord> newFields) {
    return new CollectionRecord(name, createdSeq, newFields, nextField, dropped, ttl);
  }

  /// With one more field, at version 1.
  public CollectionRecord withNew(FieldSpec spec) {
    List<FieldRecord> more = new ArrayList<>(fields);
    more.add(fresh(nextField, spec));
    return new CollectionRecord(name, createdSeq, more, nextField + 1, dropped, ttl);
  }

  /// Without a field, whose rows are still to be removed.
  public CollectionRecord withoutField(int number) {
    List<Integer> more = new ArrayList<>(dropped);
    more.add(number);
    return new CollectionRecord(
        name,
        createdSeq,
        fields.stream().filter(field -> field.number() != number).toList(),
        nextField,
        more,
        ttl);
  }

  /// The rows of a dropped field are removed.
  public CollectionRecord withoutDropped(int number) {
    return new CollectionRecord(
        name,
        createdSeq,
        fields,
        nextField,
        dropped.stream().filter(field -> field != number).toList(),
        ttl);
  }

  public CollectionRecord expiringBy(Optional<FieldPath> newTtl) {
    return new CollectionRecord(name, createdSeq, fields, nextField, dropped, newTtl);
  }

  private static FieldRecord fresh(int number, FieldSpec spec) {
    return new FieldRecord(
        number,
        spec.name(),
        List.of(new VersionRecord(1, spec.spec())),
        List.of(1),
        1,
        2,
        Route.only(1, 1),
        List.of());
  }

  /// A new collection: every field has version 1, which takes writes and answers queries.
  public static CollectionRecord create(CollectionSpec spec, long seq) {
    List<FieldRecord> fields = new ArrayList<>();
    for (FieldSpec field : spec.fields()) {
      fields.add(fresh(fields.size() + 1, field));
    }
    return new CollectionRecord(spec.name(), seq, fields, fields.size() + 1, List.of(), spec.ttl());
  }

  public byte[] encode() {
    RecordWriter out =
        new RecordWriter().u8(FORMAT).text(name).i64(createdSeq).varint(fields.size());
    for (FieldRecord field : fields) {
      out.varint(field.number()).text(field.name()).varint(field.versions().size());
      for (VersionRecord version : field.versions()) {
        out.varint(version.number());
        writeSpec(out, version.spec());
        out.bool(version.input().isPresent());
        version.input().ifPresent(input -> writeSpec(out, input));
      }
      out.varint(field.writeSet().size());
      field.writeSet().forEach(out::varint);
      out.varint(field.readVersion()).varint(field.nextVersion());
      Route route = field.route();
      out.i64(route.epoch()).i64(route.migration()).varint(route.basisPoints());
      out.varint(route.fromVersion()).varint(route.toVersion());
      out.varint(field.retired().size());
      field.retired().forEach(out::text);
    }
    out.varint(nextField).varint(dropped.size());
    dropped.forEach(out::varint);
    out.bool(ttl.isPresent());
    ttl.ifPresent(path -> out.text(path.text()));
    return out.toBytes();
  }

  public static CollectionRecord decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    int format = in.u8();
    Records.checkFormat("collection", format, FORMAT);
    String name = in.text();
    long createdSeq = in.i64();
    int fieldCount = in.count();
    List<FieldRecord> fields = new ArrayList<>();
    for (int f = 0; f < fieldCount; f++) {
      int number = (int) in.varint();
      String fieldName = in.text();
      int versionCount = in.count();
      List<VersionRecord> versions = new ArrayList<>();
      for (int v = 0; v < versionCount; v++) {
        int version = (int) in.varint();
        EmbeddingSpec spec = readSpec(in);
        boolean hasInput = format > 1 && in.bool();
        versions.add(
            new VersionRecord(
                version, spec, hasInput ? Optional.of(readSpec(in)) : Optional.empty()));
      }
      int writeSetSize = in.count();
      List<Integer> writeSet = new ArrayList<>();
      for (int v = 0; v < writeSetSize; v++) {
        writeSet.add((int) in.varint());
      }
      int readVersion = (int) in.varint();
      if (format == 1) {
        // There were no migrations: every field has version 1.
        fields.add(
            new FieldRecord(
                number,
                fieldName,
                versions,
                writeSet,
                readVersion,
                readVersion + 1,
                Route.only(readVersion, 1),
                List.of()));
      } else {
        fields.add(readRest(in, number, fieldName, versions, writeSet, readVersion));
      }
    }
    if (format < 3) {
      // No field was ever dropped.
      return new CollectionRecord(
          name, createdSeq, fields, fields.size() + 1, List.of(), Optional.empty());
    }
    int nextField = (int) in.varint();
    int droppedCount = in.count();
    List<Integer> dropped = new ArrayList<>();
    for (int i = 0; i < droppedCount; i++) {
      dropped.add((int) in.varint());
    }
    Optional<FieldPath> ttl =
        in.bool() ? Optional.of(FieldPath.parse("stored path", in.text())) : Optional.empty();
    return new CollectionRecord(name, createdSeq, fields, nextField, dropped, ttl);
  }

  private static FieldRecord readRest(
      RecordReader in,
      int number,
      String name,
      List<VersionRecord> versions,
      List<Integer> writeSet,
      int readVersion)
      throws StorageException {
    int nextVersion = (int) in.varint();
    Route route =
        new Route(in.i64(), in.i64(), (int) in.varint(), (int) in.varint(), (int) in.varint());
    int retiredCount = in.count();
    List<String> retired = new ArrayList<>();
    for (int i = 0; i < retiredCount; i++) {
      retired.add(in.text());
    }
    return new FieldRecord(
        number, name, versions, writeSet, readVersion, nextVersion, route, retired);
  }

  static void writeSpec(RecordWriter out, EmbeddingSpec spec) {
    out.text(spec.model().provider()).text(spec.model().name()).text(spec.model().revision());
    out.varint(spec.dimension());
    out.u8(spec.metric().ordinal() + 1).u8(spec.cardinality().ordinal() + 1);
    out.u8(spec.storage().ordinal() + 1).u8(spec.origin().ordinal() + 1);
    switch (spec.index()) {
      case IndexSpec.Flat _ -> out.u8(FLAT);
      case IndexSpec.Hnsw hnsw -> out.u8(HNSW).varint(hnsw.m()).varint(hnsw.efConstruction());
      case IndexSpec.MultiVector(int centroids, int poolFactor) when poolFactor == 1 ->
          out.u8(MULTI_VECTOR).varint(centroids);
      case IndexSpec.MultiVector(int centroids, int poolFactor) ->
          out.u8(POOLED_MULTI_VECTOR).varint(centroids).varint(poolFactor);
    }
    out.varint(spec.sourceFields().size());
    spec.sourceFields().forEach(out::text);
    int flags =
        (spec.normalized() ? NORMALIZED : 0) | (spec.keepOriginals() ? 0 : ORIGINALS_DROPPED);
    out.u8(flags).text(spec.documentPrefix()).text(spec.queryPrefix());
  }

  static EmbeddingSpec readSpec(RecordReader in) throws StorageException {
    ModelId model = new ModelId(in.text(), in.text(), in.text());
    int dimension = (int) in.varint();
    Metric metric = Records.constant(Metric.values(), in.u8(), "metric");
    Cardinality cardinality = Records.constant(Cardinality.values(), in.u8(), "cardinality");
    Storage storage = Records.constant(Storage.values(), in.u8(), "storage");
    Origin origin = Records.constant(Origin.values(), in.u8(), "origin");
    int kind = in.u8();
    IndexSpec index =
        switch (kind) {
          case FLAT -> new IndexSpec.Flat();
          case HNSW -> new IndexSpec.Hnsw((int) in.varint(), (int) in.varint());
          case MULTI_VECTOR -> new IndexSpec.MultiVector((int) in.varint());
          case POOLED_MULTI_VECTOR ->
              new IndexSpec.MultiVector((int) in.varint(), (int) in.varint());
          default -> throw new StorageException("a stored index has the unknown kind " + kind);
        };
    int sourceCount = in.count();
    List<String> sourceFields = new ArrayList<>();
    for (int i = 0; i < sourceCount; i++) {
      sourceFields.add(in.text());
    }
    int flags = in.u8();
    if ((flags & ~(NORMALIZED | ORIGINALS_DROPPED)) != 0) {
      throw new StorageException("a stored spec has the unknown flags " + flags);
    }
    return new EmbeddingSpec(
        model,
        dimension,
        metric,
        cardinality,
        storage,
        index,
        sourceFields,
        origin,
        (flags & NORMALIZED) != 0,
        in.text(),
        in.text(),
        (flags & ORIGINALS_DROPPED) == 0);
  }
}
