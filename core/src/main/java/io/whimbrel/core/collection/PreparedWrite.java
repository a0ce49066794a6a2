package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.PointMatcher;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PayloadCodec;
import io.whimbrel.core.store.RecordWriter;
import io.whimbrel.core.store.Totals;
import io.whimbrel.core.store.VectorRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/// A mutation that was checked against a layout of its collection and encoded, so that the
/// sequencer only decides and copies. When the layout has changed by then, the mutation is prepared
/// once more.
///
/// @param fingerprint hash of the whole content; tells two requests under one request id apart
/// @param bytes about what it holds in memory
record PreparedWrite(
    LiveCollection collection,
    LiveCollection.Layout layout,
    Mutation mutation,
    Kind kind,
    long fingerprint,
    long bytes) {
  /// Memory of an entry beside its own bytes, measured roughly.
  private static final int ENTRY_OVERHEAD_BYTES = 200;

  sealed interface Kind {
    List<? extends Entry> entries();

    record Upsert(List<PreparedPoint> entries) implements Kind {}

    /// @param matcher points that it does not accept are passed over
    record Delete(List<PreparedId> entries, PointMatcher matcher) implements Kind {}

    record UpdatePayload(
        List<PreparedId> entries, Mutation.PayloadChange change, byte[] encodedChange)
        implements Kind {}
  }

  /// Something about a point.
  interface Named {
    PointId id();

    /// The key of its row in `IDS`.
    byte[] idKey();
  }

  /// One point of the request. `path` names it in errors.
  sealed interface Entry extends Named {
    OptionalLong ifSeq();

    String path();
  }

  record PreparedId(PointId id, byte[] idKey, OptionalLong ifSeq, String path) implements Entry {}

  record PreparedPoint(
      PointId id,
      byte[] idKey,
      OptionalLong ifSeq,
      String path,
      byte[] payload,
      String contentVersion,
      List<PreparedField> fields)
      implements Entry {}

  /// The vectors of one field, for one or several versions.
  ///
  /// @param contentHash what they are made from
  record PreparedField(
      LiveCollection.LiveField field, List<PreparedVector> vectors, long contentHash) {
    boolean has(LiveVersion version) {
      return vectors.stream().anyMatch(vector -> vector.version() == version);
    }
  }

  /// @param values what the row keeps of the vector
  /// @param row the stored row, its sequence numbers still to be set
  record PreparedVector(LiveVersion version, float[] values, byte[] row) {}

  static PreparedWrite of(LiveCollection collection, Mutation mutation) {
    LiveCollection.Layout layout = collection.layout();
    String what = mutation instanceof Mutation.Upsert ? "points" : "ids";
    Limits.checkRange(what, mutation.size(), 1, Limits.BATCH_POINTS_MAX);
    Kind kind =
        switch (mutation) {
          case Mutation.Upsert upsert -> {
            List<PreparedPoint> points = new ArrayList<>(upsert.size());
            for (int i = 0; i < upsert.size(); i++) {
              points.add(prepare(collection, layout, upsert.points().get(i), "points[" + i + "]"));
            }
            yield new Kind.Upsert(points);
          }
          case Mutation.Delete delete ->
              new Kind.Delete(
                  prepare(collection, delete.ids(), delete.ifSeq()),
                  collection.matcher(delete.filter()));
          case Mutation.UpdatePayload update -> {
            yield new Kind.UpdatePayload(
                prepare(collection, update.ids(), update.ifSeq()),
                update.change(),
                encode(update.change()));
          }
        };
    refuseDuplicates(kind.entries());
    return measured(collection, layout, mutation, kind);
  }

  /// The same mutation under the layout that is in force now.
  PreparedWrite again() {
    return of(collection, mutation);
  }

  private static PreparedPoint prepare(
      LiveCollection collection, LiveCollection.Layout layout, PointWrite point, String path) {
    List<PreparedField> fields = new ArrayList<>(point.vectors().size());
    for (Map.Entry<String, List<Vector>> entry : new TreeMap<>(point.vectors()).entrySet()) {
      LiveCollection.LiveField field = collection.field(layout, path + ".vectors", entry.getKey());
      fields.add(
          prepare(collection, field, point, path + ".vectors." + entry.getKey(), entry.getValue()));
    }
    return new PreparedPoint(
        point.id(),
        Keys.id(collection.number(), point.id()),
        point.ifSeq(),
        path,
        PayloadCodec.encode(path + ".payload", point.payload()),
        point.contentVersion(),
        fields);
  }

  private static PreparedField prepare(
      LiveCollection collection,
      LiveCollection.LiveField field,
      PointWrite point,
      String path,
      List<Vector> vectors) {
    Map<LiveVersion, WriteRoutes.Part> parts =
        new WriteRoutes(collection, field).assign(path, vectors);
    long contentHash = contentHash(field, point, parts);
    List<PreparedVector> prepared = new ArrayList<>(parts.size());
    parts.forEach((version, part) ->
        prepared.add(
            new PreparedVector(
                version,
                part.values(),
                version
                    .form()
                    .encode(
                        part.values(),
                        part.derived() ? VectorRecord.Source.DERIVED : VectorRecord.Source.NATIVE,
                        contentHash))));
    return new PreparedField(field, prepared, contentHash);
  }

  private static long contentHash(
      LiveCollection.LiveField field, PointWrite point, Map<LiveVersion, WriteRoutes.Part> parts) {
    Optional<LiveCollection.Moving> moving = field.moving();
    boolean derived = moving.isPresent() && moving.get().migration().derived();
    List<String> sourceFields =
        moving.isPresent()
            ? moving.get().sourceFields()
            : field.writeVersion().spec().sourceFields();
    Map<String, Value> payload = derived ? Map.of() : point.payload();
    long hash = ContentHash.of(sourceFields, payload, derived ? "" : point.contentVersion());
    if (hash != 0) {
      return hash;
    }
    // Outside a migration it is computed when one needs it; most vectors never see one.
    if (moving.isEmpty()) {
      return 0;
    }
    WriteRoutes.Part part = parts.get(moving.get().from());
    if (part == null) {
      part = Objects.requireNonNull(parts.get(moving.get().to()));
    }
    return ContentHash.ofVector(part.values());
  }

  private static List<PreparedId> prepare(
      LiveCollection collection, List<PointId> ids, OptionalLong ifSeq) {
    List<PreparedId> prepared = new ArrayList<>(ids.size());
    for (int i = 0; i < ids.size(); i++) {
      PointId id = ids.get(i);
      prepared.add(new PreparedId(id, Keys.id(collection.number(), id), ifSeq, "ids[" + i + "]"));
    }
    return prepared;
  }

  /// The change as bytes, for the fingerprint; a change that no payload could store is refused
  /// here.
  private static byte[] encode(Mutation.PayloadChange change) {
    return switch (change) {
      case Mutation.PayloadChange.Set set -> PayloadCodec.encode("set", set.payload());
      case Mutation.PayloadChange.Merge merge -> PayloadCodec.encode("merge", merge.payload());
      case Mutation.PayloadChange.DeleteKeys keys -> {
        Limits.checkRange("delete_keys", keys.keys().size(), 1, Limits.BATCH_POINTS_MAX);
        RecordWriter out = new RecordWriter();
        keys.keys().forEach(out::text);
        yield out.toBytes();
      }
      case Mutation.PayloadChange.Clear _ -> new byte[0];
    };
  }

  private static void refuseDuplicates(List<? extends Entry> entries) {
    Set<PointId> seen = HashSet.newHashSet(entries.size());
    for (Entry entry : entries) {
      if (!seen.add(entry.id())) {
        throw WhimbrelException.of(
            ErrorCode.DUPLICATE_ID,
            entry.path() + ".id",
            '"' + entry.id().toString() + '"',
            "each id once in a request");
      }
    }
  }

  private static PreparedWrite measured(
      LiveCollection collection, LiveCollection.Layout layout, Mutation mutation, Kind kind) {
    long fingerprint = collection.number();
    long bytes = 0;
    if (kind instanceof Kind.UpdatePayload update) {
      fingerprint = Totals.Tally.mix(fingerprint, Arrays.hashCode(update.encodedChange()));
      fingerprint = Totals.Tally.mix(fingerprint, changeNumber(update.change()));
    }
    for (Entry entry : kind.entries()) {
      fingerprint = Totals.Tally.mix(fingerprint, Arrays.hashCode(entry.idKey()));
      bytes += entry.idKey().length + ENTRY_OVERHEAD_BYTES;
      if (entry instanceof PreparedPoint point) {
        fingerprint = Totals.Tally.mix(fingerprint, Arrays.hashCode(point.payload()));
        fingerprint = Totals.Tally.mix(fingerprint, point.contentVersion().hashCode());
        bytes += point.payload().length;
        for (PreparedField field : point.fields()) {
          for (PreparedVector vector : field.vectors()) {
            // The row and the float array.
            bytes += vector.row().length + (long) Float.BYTES * vector.values().length;
          }
        }
      }
    }
    if (mutation instanceof Mutation.Upsert upsert) {
      // Of what was sent and not of the rows: these depend on the layout.
      for (PointWrite point : upsert.points()) {
        for (Map.Entry<String, List<Vector>> entry : new TreeMap<>(point.vectors()).entrySet()) {
          fingerprint = Totals.Tally.mix(fingerprint, entry.getKey().hashCode());
          for (Vector vector : entry.getValue()) {
            fingerprint = Totals.Tally.mix(fingerprint, vector.spaceId().hashCode());
            fingerprint = Totals.Tally.mix(fingerprint, Arrays.hashCode(vector.values()));
          }
        }
      }
    }
    int kindNumber =
        switch (kind) {
          case Kind.Upsert _ -> 1;
          case Kind.Delete _ -> 2;
          case Kind.UpdatePayload _ -> 3;
        };
    return new PreparedWrite(
        collection, layout, mutation, kind, Totals.Tally.mix(fingerprint, kindNumber), bytes);
  }

  private static int changeNumber(Mutation.PayloadChange change) {
    return switch (change) {
      case Mutation.PayloadChange.Set _ -> 1;
      case Mutation.PayloadChange.Merge _ -> 2;
      case Mutation.PayloadChange.DeleteKeys _ -> 3;
      case Mutation.PayloadChange.Clear _ -> 4;
    };
  }
}
