package io.whimbrel.core.payload;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The payload indexes of one collection. One writer (recovery, then the sequencer); readers take
/// [#snapshot] and need no lock.
///
/// An index that is declared while points exist is built beside the writer: from its declaration on
/// the writer collects the changes, a [Builder] reads the stored points of a later moment, and
/// [#install] lays the collected changes over what it read. For each point and value the last
/// change counts, so it does not matter which of them the builder had seen already.
public final class PayloadIndexes {
  private final Map<List<FieldPath.Step>, Entry> entries = new LinkedHashMap<>();
  private final Map<PointRecord.VectorRef, IdChange> vectorChanges = new HashMap<>();
  private IdChange pointChanges = new IdChange();
  private boolean changed;

  private volatile PayloadSnapshot snapshot = PayloadSnapshot.EMPTY;

  /// Why building ended early, by the steps of the path. Written by the thread that builds.
  private volatile Map<List<FieldPath.Step>, String> failures = Map.of();

  /// @param builder who builds the index; empty when it is ready
  private record Entry(PayloadIndexSpec spec, PathIndex.Change change, Optional<Builder> builder) {}

  public PayloadIndexes(List<PayloadIndexSpec> specs) {
    specs.forEach(spec ->
        entries.put(
            spec.path().steps(), new Entry(spec, new PathIndex.Change(spec), Optional.empty())));
    show(IdSet.EMPTY, Map.of(), emptyIndexes());
  }

  private Map<List<FieldPath.Step>, PathIndex> emptyIndexes() {
    Map<List<FieldPath.Step>, PathIndex> indexes = new HashMap<>();
    entries.forEach((steps, entry) -> indexes.put(steps, PathIndex.empty(entry.spec())));
    return indexes;
  }

  /// As of the last publish. Any thread.
  public PayloadSnapshot snapshot() {
    return snapshot;
  }

  /// Writer. Notes that a point was written or deleted; an absent point is empty. Seen after the
  /// next [#publish].
  public void change(long id, Optional<PointRecord> before, Optional<PointRecord> after)
      throws StorageException {
    changed = true;
    if (before.isEmpty() && after.isPresent()) {
      pointChanges.add(id);
    } else if (before.isPresent() && after.isEmpty()) {
      pointChanges.remove(id);
    }
    List<PointRecord.VectorRef> old = before.map(PointRecord::vectors).orElse(List.of());
    List<PointRecord.VectorRef> now = after.map(PointRecord::vectors).orElse(List.of());
    if (!old.equals(now)) {
      old.forEach(ref -> vectorChange(ref).remove(id));
      now.forEach(ref -> vectorChange(ref).add(id));
    }
    if (!entries.isEmpty() && !samePayload(before, after)) {
      Map<String, Value> oldPayload = payload(before);
      Map<String, Value> newPayload = payload(after);
      entries.values().forEach(entry -> entry.change().replace(id, oldPayload, newPayload));
    }
  }

  private IdChange vectorChange(PointRecord.VectorRef ref) {
    return vectorChanges.computeIfAbsent(ref, _ -> new IdChange());
  }

  private static boolean samePayload(Optional<PointRecord> before, Optional<PointRecord> after) {
    return before.isPresent()
        && after.isPresent()
        && Arrays.equals(before.get().payload(), after.get().payload());
  }

  private static Map<String, Value> payload(Optional<PointRecord> point) throws StorageException {
    return point.isEmpty() ? Map.of() : point.get().decodePayload();
  }

  /// Writer. Makes ready what the next publish shows: the costly part of it.
  public Prepared prepare() {
    PayloadSnapshot before = snapshot;
    if (!changed) {
      return new Prepared(before);
    }
    Map<PointRecord.VectorRef, IdSet> vectors = new HashMap<>(before.vectors());
    vectorChanges.forEach(
        (ref, change) -> vectors.put(ref, change.applyTo(vectors.getOrDefault(ref, IdSet.EMPTY))));
    vectorChanges.clear();
    Map<List<FieldPath.Step>, PathIndex> indexes = new HashMap<>();
    entries.forEach((steps, entry) -> {
      PathIndex index = before.indexes().get(steps);
      if (index != null) {
        indexes.put(steps, entry.change().applyTo(index));
      }
    });
    IdSet points = pointChanges.applyTo(before.points());
    pointChanges = new IdChange();
    changed = false;
    return new Prepared(new PayloadSnapshot(points, vectors, indexes, before.declared()));
  }

  /// What [#prepare] made and [#publish] shows.
  public record Prepared(PayloadSnapshot snapshot) {}

  /// Writer. Shows every change up to `prepare`, all at once.
  public void publish(Prepared prepared) {
    snapshot = prepared.snapshot();
  }

  /// Writer, with nothing unpublished. Declares an index and collects changes for it. The caller
  /// gives the builder every point as stored at one later moment, and then to [#install].
  public Builder declare(PayloadIndexSpec spec) {
    Builder builder = new Builder(spec);
    PathIndex.Change change = new PathIndex.Change(spec);
    entries.put(spec.path().steps(), new Entry(spec, change, Optional.of(builder)));
    show(snapshot.points(), snapshot.vectors(), snapshot.indexes());
    return builder;
  }

  /// Writer, with nothing unpublished. Makes a built index ready; returns false when the
  /// declaration that it was built for is gone.
  public boolean install(Builder builder) {
    List<FieldPath.Step> steps = builder.index.spec().path().steps();
    Entry entry = entries.get(steps);
    if (entry == null || entry.builder().filter(b -> b == builder).isEmpty()) {
      return false;
    }
    entries.put(steps, new Entry(entry.spec(), entry.change(), Optional.empty()));
    Map<List<FieldPath.Step>, PathIndex> indexes = new HashMap<>(snapshot.indexes());
    indexes.put(steps, entry.change().applyTo(builder.finish()));
    show(snapshot.points(), snapshot.vectors(), indexes);
    return true;
  }

  /// Writer, with nothing unpublished.
  public void drop(FieldPath path) {
    entries.remove(path.steps());
    Map<List<FieldPath.Step>, PathIndex> indexes = new HashMap<>(snapshot.indexes());
    indexes.remove(path.steps());
    show(snapshot.points(), snapshot.vectors(), indexes);
  }

  /// Writer, with nothing unpublished. Forgets which points have vectors of other versions.
  public void keepVersions(Set<PointRecord.VectorRef> kept) {
    Map<PointRecord.VectorRef, IdSet> vectors = new HashMap<>(snapshot.vectors());
    if (vectors.keySet().retainAll(kept)) {
      show(snapshot.points(), vectors, snapshot.indexes());
    }
  }

  /// Any thread. The declared indexes in order of their paths.
  public List<CollectionInfo.PayloadIndexInfo> infos() {
    PayloadSnapshot shown = snapshot;
    Map<List<FieldPath.Step>, String> failed = failures;
    return shown.declared().entrySet().stream()
        .map(entry -> {
          PathIndex index = shown.indexes().get(entry.getKey());
          return new CollectionInfo.PayloadIndexInfo(
              entry.getValue(),
              index != null,
              index == null ? 0 : index.exists().count(),
              index == null ? 0 : index.values().keys(),
              failed.getOrDefault(entry.getKey(), ""));
        })
        .sorted(Comparator.comparing(info -> info.spec().path().text()))
        .toList();
  }

  /// Any thread. Says in the status why an index could not be built.
  public void failed(PayloadIndexSpec spec, String reason) {
    Map<List<FieldPath.Step>, String> failed = new HashMap<>(failures);
    failed.put(spec.path().steps(), reason);
    failures = Map.copyOf(failed);
  }

  private void show(
      IdSet points,
      Map<PointRecord.VectorRef, IdSet> vectors,
      Map<List<FieldPath.Step>, PathIndex> indexes) {
    Map<List<FieldPath.Step>, PayloadIndexSpec> declared = new HashMap<>();
    entries.forEach((steps, entry) -> declared.put(steps, entry.spec()));
    snapshot = new PayloadSnapshot(points, vectors, indexes, declared);
  }

  /// An index in the making. One thread.
  public static final class Builder {
    /// Points between two steps of building; more make larger leaves cheaper and hold more memory.
    private static final int STEP_POINTS = 65_536;

    private final PathIndex.Change change;
    private PathIndex index;
    private int waiting;

    private Builder(PayloadIndexSpec spec) {
      this.change = new PathIndex.Change(spec);
      this.index = PathIndex.empty(spec);
    }

    public void add(long id, Map<String, Value> payload) {
      change.replace(id, Map.of(), payload);
      if (++waiting == STEP_POINTS) {
        index = change.applyTo(index);
        waiting = 0;
      }
    }

    private PathIndex finish() {
      index = change.applyTo(index);
      return index;
    }
  }
}
