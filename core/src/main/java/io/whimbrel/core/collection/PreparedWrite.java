package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.PointMatcher;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PayloadCodec;
import io.whimbrel.core.store.RecordWriter;
import io.whimbrel.core.store.Totals;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

/// A mutation that was checked against its collection's spec and encoded, so that the sequencer
/// only decides and copies.
///
/// @param fingerprint hash of the whole content; tells two requests under one request id apart
/// @param bytes about what it holds in memory
record PreparedWrite(LiveCollection collection, Kind kind, long fingerprint, long bytes) {
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

  /// One point of the request. `path` names it in errors.
  sealed interface Entry {
    PointId id();

    byte[] idKey();

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
      List<PreparedVector> vectors)
      implements Entry {}

  /// @param values what the row keeps of the vector
  /// @param row the stored row, its sequence number still to be set
  record PreparedVector(LiveVersion version, float[] values, byte[] row) {}

  static PreparedWrite of(LiveCollection collection, Mutation mutation) {
    String what = mutation instanceof Mutation.Upsert ? "points" : "ids";
    Limits.checkRange(what, mutation.size(), 1, Limits.BATCH_POINTS_MAX);
    Kind kind =
        switch (mutation) {
          case Mutation.Upsert upsert -> {
            List<PreparedPoint> points = new ArrayList<>(upsert.size());
            for (int i = 0; i < upsert.size(); i++) {
              points.add(prepare(collection, upsert.points().get(i), "points[" + i + "]"));
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
    return measured(collection, kind);
  }

  private static PreparedPoint prepare(LiveCollection collection, PointWrite point, String path) {
    List<PreparedVector> vectors = new ArrayList<>(point.vectors().size());
    for (Map.Entry<String, Vector> entry : new TreeMap<>(point.vectors()).entrySet()) {
      String vectorPath = path + ".vectors." + entry.getKey();
      LiveVersion version = collection.field(path + ".vectors", entry.getKey()).writeVersion();
      VectorChecks.check(vectorPath, entry.getValue(), collection, version);
      float[] values = version.form().kept(entry.getValue().values());
      if (values != entry.getValue().values()) {
        // Rounding may have made it longer than its index takes.
        VectorChecks.check(vectorPath, Vector.of(values), collection, version);
      }
      vectors.add(new PreparedVector(version, values, version.form().encode(values)));
    }
    return new PreparedPoint(
        point.id(),
        Keys.id(collection.number(), point.id()),
        point.ifSeq(),
        path,
        PayloadCodec.encode(path + ".payload", point.payload()),
        vectors);
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

  private static PreparedWrite measured(LiveCollection collection, Kind kind) {
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
        bytes += point.payload().length;
        for (PreparedVector vector : point.vectors()) {
          fingerprint = Totals.Tally.mix(fingerprint, Arrays.hashCode(vector.row()));
          bytes += vector.row().length + (long) Float.BYTES * vector.values().length;
        }
      }
    }
    int kindNumber =
        switch (kind) {
          case Kind.Upsert _ -> 1;
          case Kind.Delete _ -> 2;
          case Kind.UpdatePayload _ -> 3;
        };
    return new PreparedWrite(collection, kind, Totals.Tally.mix(fingerprint, kindNumber), bytes);
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
