package io.whimbrel.core.collection;

import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.PayloadIndexes;
import io.whimbrel.core.payload.PointMatcher;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Totals;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;

/// A collection as the process holds it: its record, its searchable versions, its totals.
///
/// Everything but the totals is fixed at creation; totals are replaced by the sequencer after each
/// write.
public final class LiveCollection {
  private final int number;
  private final CollectionRecord collectionRecord;
  private final Map<String, LiveField> fields;
  private final PayloadIndexes payload;
  private volatile Totals totals;

  /// A vector field with its versions by number.
  record LiveField(CollectionRecord.FieldRecord fieldRecord, Map<Integer, LiveVersion> versions) {
    LiveVersion writeVersion() {
      return Objects.requireNonNull(versions.get(fieldRecord.writeSet().getFirst()));
    }

    LiveVersion readVersion() {
      return Objects.requireNonNull(versions.get(fieldRecord.readVersion()));
    }
  }

  /// `payloadIndexes` are declared already; `indexes` makes an empty index for a spec.
  LiveCollection(
      int number,
      CollectionRecord collectionRecord,
      List<PayloadIndexSpec> payloadIndexes,
      Totals totals,
      Function<EmbeddingSpec, VectorIndex> indexes) {
    this.number = number;
    this.payload = new PayloadIndexes(payloadIndexes);
    this.collectionRecord = collectionRecord;
    this.totals = totals;
    Map<String, LiveField> byName = new LinkedHashMap<>();
    for (CollectionRecord.FieldRecord field : collectionRecord.fields()) {
      Map<Integer, LiveVersion> versions = new LinkedHashMap<>();
      for (CollectionRecord.VersionRecord version : field.versions()) {
        PointRecord.VectorRef ref = new PointRecord.VectorRef(field.number(), version.number());
        String title =
            "\"%s\", field \"%s\", version %d".formatted(name(), field.name(), version.number());
        versions.put(
            version.number(),
            new LiveVersion(title, ref, version.spec(), indexes.apply(version.spec())));
      }
      byName.put(field.name(), new LiveField(field, versions));
    }
    this.fields = Collections.unmodifiableMap(byName);
  }

  int number() {
    return number;
  }

  String name() {
    return collectionRecord.name();
  }

  Collection<LiveField> fields() {
    return fields.values();
  }

  /// `path` is the request field to blame when there is no such vector field.
  LiveField field(String path, String name) {
    LiveField field = fields.get(name);
    if (field == null) {
      throw WhimbrelException.of(
          ErrorCode.UNKNOWN_FIELD,
          path,
          '"' + name + '"',
          "one of " + fields.keySet() + " of collection \"" + name() + '"');
    }
    return field;
  }

  /// Decides a filter for stored points; a vector field that the collection has not is refused.
  PointMatcher matcher(Filter filter) {
    return new PointMatcher(filter, this::filterField);
  }

  /// The version of a vector field that a filter means.
  PointRecord.VectorRef filterField(String name) {
    return field("filter.has_vector.field", name).readVersion().ref();
  }

  Stream<LiveVersion> versions() {
    return fields.values().stream().flatMap(field -> field.versions().values().stream());
  }

  /// Points and what their payloads say; changed by the sequencer.
  PayloadIndexes payload() {
    return payload;
  }

  Totals totals() {
    return totals;
  }

  void replaceTotals(Totals newTotals) {
    totals = newTotals;
  }

  public CollectionInfo info() {
    List<CollectionInfo.FieldInfo> fieldInfos = new ArrayList<>();
    for (LiveField field : fields.values()) {
      List<CollectionInfo.VersionInfo> versionInfos = new ArrayList<>();
      for (LiveVersion version : field.versions().values()) {
        versionInfos.add(
            new CollectionInfo.VersionInfo(
                version.ref().version(),
                version.spec(),
                version.live(),
                version.coverage(),
                version.bytes(),
                version.pending(),
                version.note()));
      }
      fieldInfos.add(
          new CollectionInfo.FieldInfo(
              field.fieldRecord().name(),
              versionInfos,
              field.fieldRecord().writeSet(),
              field.fieldRecord().readVersion()));
    }
    return new CollectionInfo(
        name(),
        fieldInfos,
        totals.points().count(),
        collectionRecord.createdSeq(),
        payload.infos());
  }

  void close() {
    versions().forEach(LiveVersion::close);
  }
}
