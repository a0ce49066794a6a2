package io.whimbrel.core.collection;

import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.PayloadIndexes;
import io.whimbrel.core.payload.PointMatcher;
import io.whimbrel.core.store.BacklogCounters;
import io.whimbrel.core.store.CollectionRecord;
import io.whimbrel.core.store.MigrationRecord;
import io.whimbrel.core.store.PayloadIndexesRecord;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Totals;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.stream.Stream;

/// A collection as the process holds it: its layout, its searchable versions, its totals.
///
/// The sequencer replaces the layout as a whole when a migration moves, and the totals after each
/// write. Whoever reads the layout once sees versions, write sets and routing that belong together.
public final class LiveCollection {
  private final int number;
  private final String name;
  private final PayloadIndexes payload;
  private final Function<EmbeddingSpec, VectorIndex> indexes;

  /// Of the sequencer.
  private PayloadIndexesRecord declared = PayloadIndexesRecord.NONE;

  private volatile Layout layout;
  private volatile List<LiveText> texts = List.of();
  private volatile Totals totals;
  private final LongAdder expiredDeleted = new LongAdder();

  /// Fields, versions and migrations at one moment.
  ///
  /// @param migrations all that are remembered, ended ones too, by number
  /// @param versions the versions of all fields
  /// @param moving the open migrations that have two versions
  record Layout(
      CollectionRecord collectionRecord,
      Map<String, LiveField> fields,
      NavigableMap<Long, MigrationRecord> migrations,
      Map<PointRecord.VectorRef, LiveVersion> versions,
      List<Moving> moving) {}

  /// A vector field with its versions by number.
  ///
  /// @param moving the open migration, once it has a second version
  record LiveField(
      CollectionRecord.FieldRecord fieldRecord,
      NavigableMap<Integer, LiveVersion> versions,
      Optional<Moving> moving,
      RoutingPolicy policy) {
    String name() {
      return fieldRecord.name();
    }

    LiveVersion version(int versionNumber) {
      return Objects.requireNonNull(versions.get(versionNumber));
    }

    /// The version that takes writes, outside a migration.
    LiveVersion writeVersion() {
      return version(fieldRecord.writeSet().getFirst());
    }

    LiveVersion readVersion() {
      return version(fieldRecord.readVersion());
    }

    Optional<LiveVersion> find(PointRecord.VectorRef ref) {
      return ref.field() == fieldRecord.number()
          ? Optional.ofNullable(versions.get(ref.version()))
          : Optional.empty();
    }
  }

  /// An open migration of a field.
  record Moving(MigrationRecord migration, LiveVersion from, LiveVersion to, MovingField state) {
    /// Payload fields that make up the content. A derived version is made from the old vector
    /// alone.
    List<String> sourceFields() {
      if (migration.derived()) {
        return List.of();
      }
      return migration.to().sourceFields().isEmpty()
          ? migration.from().sourceFields()
          : migration.to().sourceFields();
    }
  }

  /// `payloadIndexes` are declared already; `indexes` makes an empty index for a spec.
  LiveCollection(
      int number,
      CollectionRecord collectionRecord,
      List<PayloadIndexSpec> payloadIndexes,
      Totals totals,
      Map<Long, MigrationRecord> migrations,
      Map<Long, BacklogCounters> counters,
      Function<EmbeddingSpec, VectorIndex> indexes) {
    this.number = number;
    this.name = collectionRecord.name();
    this.payload = new PayloadIndexes(payloadIndexes);
    this.indexes = indexes;
    this.totals = totals;
    Map<Long, MovingField> states = new HashMap<>();
    counters.forEach((migration, row) -> states.put(migration, new MovingField(row)));
    this.layout = layout(collectionRecord, new TreeMap<>(migrations), Map.of(), states);
  }

  /// A collection without migrations.
  LiveCollection(
      int number,
      CollectionRecord collectionRecord,
      List<PayloadIndexSpec> payloadIndexes,
      Totals totals,
      Function<EmbeddingSpec, VectorIndex> indexes) {
    this(number, collectionRecord, payloadIndexes, totals, Map.of(), Map.of(), indexes);
  }

  private Layout layout(
      CollectionRecord collectionRecord,
      NavigableMap<Long, MigrationRecord> migrations,
      Map<PointRecord.VectorRef, LiveVersion> present,
      Map<Long, MovingField> states) {
    Map<String, LiveField> byName = new LinkedHashMap<>();
    for (CollectionRecord.FieldRecord field : collectionRecord.fields()) {
      NavigableMap<Integer, LiveVersion> versions = new TreeMap<>();
      for (CollectionRecord.VersionRecord version : field.versions()) {
        PointRecord.VectorRef ref = new PointRecord.VectorRef(field.number(), version.number());
        LiveVersion live = present.get(ref);
        versions.put(version.number(), live == null ? open(field, version, ref) : live);
      }
      byName.put(
          field.name(),
          new LiveField(
              field,
              Collections.unmodifiableNavigableMap(versions),
              moving(field, versions, migrations, states),
              policy(field, versions)));
    }
    Map<PointRecord.VectorRef, LiveVersion> byRef = new LinkedHashMap<>();
    byName.values().forEach(field -> field.versions().values().forEach(v -> byRef.put(v.ref(), v)));
    return new Layout(
        collectionRecord,
        Collections.unmodifiableMap(byName),
        Collections.unmodifiableNavigableMap(migrations),
        Collections.unmodifiableMap(byRef),
        byName.values().stream().flatMap(field -> field.moving().stream()).toList());
  }

  private LiveVersion open(
      CollectionRecord.FieldRecord field,
      CollectionRecord.VersionRecord version,
      PointRecord.VectorRef ref) {
    String title =
        "\"%s\", field \"%s\", version %d".formatted(name, field.name(), version.number());
    return new LiveVersion(
        title, ref, version.spec(), version.input(), indexes.apply(version.spec()));
  }

  private static Optional<Moving> moving(
      CollectionRecord.FieldRecord field,
      Map<Integer, LiveVersion> versions,
      Map<Long, MigrationRecord> migrations,
      Map<Long, MovingField> states) {
    MigrationRecord migration = migrations.get(field.route().migration());
    if (migration == null || !migration.state().writesBoth()) {
      return Optional.empty();
    }
    return Optional.of(
        new Moving(
            migration,
            Objects.requireNonNull(versions.get(migration.fromVersion())),
            Objects.requireNonNull(versions.get(migration.toVersion())),
            Objects.requireNonNull(states.get(migration.number()))));
  }

  private RoutingPolicy policy(
      CollectionRecord.FieldRecord field, Map<Integer, LiveVersion> versions) {
    CollectionRecord.Route route = field.route();
    return new RoutingPolicy(
        name,
        field.name(),
        route.epoch(),
        route.migration() == 0 ? "" : "m-" + route.migration(),
        route.basisPoints(),
        route.fromVersion(),
        route.toVersion(),
        versions.values().stream()
            .map(version ->
                new RoutingPolicy.PolicyVersion(
                    version.ref().version(),
                    version.spec(),
                    version.inputSpaceId(),
                    version.inputSpec().dimension(),
                    field.writeSet().contains(version.ref().version())))
            .toList());
  }

  /// The layout that `collectionRecord` and `migrations` describe, with the present versions and
  /// the state of the present migrations; versions that are new are opened empty. Sequencer.
  Layout next(CollectionRecord collectionRecord, NavigableMap<Long, MigrationRecord> migrations) {
    Map<PointRecord.VectorRef, LiveVersion> present = new HashMap<>();
    versions().forEach(version -> present.put(version.ref(), version));
    Map<Long, MovingField> states = new HashMap<>();
    for (Long migration : migrations.keySet()) {
      states.put(
          migration,
          moving(migration)
              .map(Moving::state)
              .orElseGet(() -> new MovingField(BacklogCounters.EMPTY)));
    }
    return layout(collectionRecord, migrations, present, states);
  }

  /// Puts a layout in force; returns the versions that are no longer in it, for the caller to
  /// close. Sequencer.
  List<LiveVersion> replaceLayout(Layout newLayout) {
    List<LiveVersion> before = versions().toList();
    layout = newLayout;
    List<LiveVersion> after = versions().toList();
    return before.stream().filter(version -> !after.contains(version)).toList();
  }

  int number() {
    return number;
  }

  String name() {
    return name;
  }

  /// What is in force now. Read it once for one request.
  Layout layout() {
    return layout;
  }

  Collection<LiveField> fields() {
    return layout.fields().values();
  }

  /// `path` is the request field to blame when there is no such vector field.
  LiveField field(String path, String fieldName) {
    return field(layout, path, fieldName);
  }

  LiveField field(Layout at, String path, String fieldName) {
    LiveField field = at.fields().get(fieldName);
    if (field == null) {
      throw WhimbrelException.of(
          ErrorCode.UNKNOWN_FIELD,
          path,
          '"' + fieldName + '"',
          "one of " + at.fields().keySet() + " of collection \"" + name + '"');
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
    return versions(layout);
  }

  static Stream<LiveVersion> versions(Layout at) {
    return at.versions().values().stream();
  }

  /// The version of that number; empty when it was dropped.
  Optional<LiveVersion> version(PointRecord.VectorRef ref) {
    return Optional.ofNullable(layout.versions().get(ref));
  }

  /// The open migrations that have two versions.
  List<Moving> moving() {
    return layout.moving();
  }

  /// The open migration of that number, if it has two versions.
  Optional<Moving> moving(long migration) {
    return moving().stream().filter(m -> m.migration().number() == migration).findFirst();
  }

  /// Points and what their payloads say; changed by the sequencer.
  PayloadIndexes payload() {
    return payload;
  }

  /// The payload path whose timestamp says when a point expires.
  Optional<FieldPath> expiresBy() {
    return layout.collectionRecord().ttl();
  }

  /// Notes that points were deleted as expired.
  void countExpired(long points) {
    expiredDeleted.add(points);
  }

  /// The full-text indexes; changed by the sequencer.
  List<LiveText> texts() {
    return texts;
  }

  /// The declared indexes as stored. Sequencer, and recovery before it starts.
  PayloadIndexesRecord declared() {
    return declared;
  }

  void replaceDeclared(PayloadIndexesRecord newDeclared) {
    declared = newDeclared;
  }

  void replaceTexts(List<LiveText> newTexts) {
    texts = List.copyOf(newTexts);
  }

  /// The full-text index of a path; `field` is the request field to blame when there is none.
  LiveText text(String field, FieldPath path) {
    return texts.stream()
        .filter(text -> text.spec().path().steps().equals(path.steps()))
        .findFirst()
        .orElseThrow(() ->
            WhimbrelException.of(
                ErrorCode.UNKNOWN_INDEX,
                field,
                '"' + path.text() + '"',
                "the path of a text index of collection \""
                    + name
                    + "\": one of "
                    + texts.stream().map(text -> text.spec().path().text()).toList()));
  }

  Totals totals() {
    return totals;
  }

  void replaceTotals(Totals newTotals) {
    totals = newTotals;
  }

  /// @param aliases other names of it
  ///
  /// @param expired points that are expired and not deleted yet
  CollectionInfo info(List<String> aliases, long expired) {
    Layout at = layout;
    List<CollectionInfo.FieldInfo> fieldInfos = new ArrayList<>();
    for (LiveField field : at.fields().values()) {
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
              field.name(),
              versionInfos,
              field.fieldRecord().writeSet(),
              field.fieldRecord().readVersion()));
    }
    return new CollectionInfo(
        name,
        fieldInfos,
        totals.points().count(),
        at.collectionRecord().createdSeq(),
        payload.infos(),
        texts.stream()
            .map(LiveText::info)
            .sorted(Comparator.comparing(info -> info.spec().path().text()))
            .toList(),
        aliases,
        at.collectionRecord()
            .ttl()
            .map(path -> new CollectionInfo.TtlInfo(path, expired, expiredDeleted.sum())));
  }

  void close() {
    versions().forEach(LiveVersion::close);
  }
}
