package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Tells which version each vector of a write belongs to.
///
/// A vector that names its space goes to the version of that space. One that does not is the old
/// version's until the switch, unless its dimension says otherwise; after the switch it is refused
/// where both versions have that dimension. Derived versions get their vectors from the one that
/// clients send.
final class WriteRoutes {
  private final LiveCollection collection;
  private final LiveCollection.LiveField field;

  WriteRoutes(LiveCollection collection, LiveCollection.LiveField field) {
    this.collection = collection;
    this.field = field;
  }

  /// What a version gets.
  ///
  /// @param values what its row keeps of the vector
  /// @param derived whether the server computed it
  record Part(float[] values, boolean derived) {}

  /// The vectors of one point by version; `path` is the request field. Refuses what no version
  /// takes.
  Map<LiveVersion, Part> assign(String path, List<Vector> vectors) {
    Map<LiveVersion, Part> parts = new LinkedHashMap<>();
    for (int i = 0; i < vectors.size(); i++) {
      Vector vector = vectors.get(i);
      String vectorPath = vectors.size() == 1 ? path : path + "[" + i + "]";
      LiveVersion version =
          field.moving().isPresent()
              ? versionOf(vectorPath, vector, field.moving().get())
              : onlyVersion(vectorPath, vector);
      VectorChecks.check(vectorPath, vector, collection, version);
      boolean derives = version.derivesFrom(vector);
      float[] given = derives ? version.derive(vector.values()) : vector.values();
      float[] values = version.form().kept(given);
      if (values != vector.values()) {
        // A prefix may have no direction, and rounding may have made it longer than its index
        // takes.
        VectorChecks.checkValues(
            vectorPath, values, version.spec(), VectorChecks.where(collection, version));
      }
      if (parts.put(version, new Part(values, derives)) != null) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            vectorPath,
            "a second vector for version " + version.ref().version(),
            "one vector a version");
      }
    }
    field.moving().ifPresent(moving -> complete(path, moving, vectors, parts));
    return parts;
  }

  private LiveVersion onlyVersion(String path, Vector vector) {
    LiveVersion version = field.writeVersion();
    if (!version.takes(vector)) {
      refuseOldSpace(path, vector, version);
    }
    return version;
  }

  private LiveVersion versionOf(String path, Vector vector, LiveCollection.Moving moving) {
    LiveVersion from = moving.from();
    LiveVersion to = moving.to();
    if (!vector.spaceId().isEmpty()) {
      if (from.takesSpace(vector.spaceId())) {
        return from;
      }
      if (to.takesSpace(vector.spaceId())) {
        return to;
      }
      refuseOldSpace(path, vector, from);
      throw WhimbrelException.routing(
          ErrorCode.SPACE_MISMATCH,
          path + ".space_id",
          vector.spaceId(),
          known(from) + ", or " + known(to),
          field.policy());
    }
    boolean fitsFrom = from.takesDimension(vector.dimension());
    boolean fitsTo = to.takesDimension(vector.dimension());
    if (fitsFrom
        && fitsTo
        && !moving.migration().derived()
        && moving.migration().state() == MigrationState.SWITCHED) {
      throw WhimbrelException.routing(
          ErrorCode.SPACE_REQUIRED,
          path + ".space_id",
          "not given",
          known(from) + ", or " + known(to) + ": both take " + vector.dimension() + " values",
          field.policy());
    }
    return fitsFrom || !fitsTo ? from : to;
  }

  private static String known(LiveVersion version) {
    return version.inputSpaceId()
        + " (version "
        + version.ref().version()
        + ", model "
        + version.inputSpec().model()
        + ")";
  }

  private void refuseOldSpace(String path, Vector vector, LiveVersion instead) {
    if (field.fieldRecord().retired().contains(vector.spaceId())) {
      throw WhimbrelException.routing(
          ErrorCode.OLD_SPACE,
          path + ".space_id",
          vector.spaceId() + ", of a version that was replaced",
          known(instead),
          field.policy());
    }
  }

  /// Adds what the server derives, and refuses a write that lacks a version where it must not.
  private void complete(
      String path,
      LiveCollection.Moving moving,
      List<Vector> vectors,
      Map<LiveVersion, Part> parts) {
    LiveVersion to = moving.to();
    if (moving.migration().derived() && !parts.containsKey(to)) {
      // The vector as the client sent it, since the old version may itself be derived from it.
      for (Vector vector : vectors) {
        if (to.derivesFrom(vector)) {
          float[] values = to.form().kept(to.derive(vector.values()));
          if (isUsable(values, to)) {
            parts.put(to, new Part(values, true));
          }
          break;
        }
      }
      return;
    }
    boolean hasFrom = parts.containsKey(moving.from());
    boolean hasTo = parts.containsKey(to);
    if (hasFrom && !hasTo && moving.migration().rules().legacyWrite() == LegacyWrite.REJECT) {
      throw WhimbrelException.routing(
          ErrorCode.OLD_ONLY_WRITE,
          path,
          "a vector of version " + moving.from().ref().version() + " alone",
          "one of " + known(to) + " too, as the migration's legacy_write REJECT demands",
          field.policy());
    }
    if (hasTo
        && !hasFrom
        && moving.migration().state() != MigrationState.SWITCHED
        && !moving.migration().rules().allowNewOnly()) {
      throw WhimbrelException.routing(
          ErrorCode.NEW_ONLY_WRITE,
          path,
          "a vector of version " + to.ref().version() + " alone",
          "one of "
              + known(moving.from())
              + " too until the switch, or a migration with allow_new_only",
          field.policy());
    }
  }

  /// A prefix without direction: the backfill makes the point a dead letter, the write itself is
  /// fine.
  private static boolean isUsable(float[] values, LiveVersion version) {
    try {
      VectorChecks.checkValues("derived", values, version.spec(), "");
      return true;
    } catch (WhimbrelException e) {
      return false;
    }
  }
}
