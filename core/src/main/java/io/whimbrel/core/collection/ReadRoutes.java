package io.whimbrel.core.collection;

import io.whimbrel.core.migration.RoutingBuckets;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.MigrationState;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.BacklogCounters;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/// Finds the version that answers a search, and the query vector of its space. A query never meets
/// vectors of another space.
///
/// A version that the request names answers, if the request has a vector of its space. Otherwise
/// the policy in force decides: by the bucket of the routing key; without a key, by the spaces of
/// the vectors, since a caller that knows nothing of the migration sends the old one.
final class ReadRoutes {
  private final String path;
  private final LiveCollection collection;
  private final LiveCollection.LiveField field;
  private final SearchRequest request;
  private final QueryRouting routing;
  private final RoutingPolicy policy;

  /// @param query in the version's own space
  /// @param coverage of a version that is not ready; else that of its index is what counts
  record Route(LiveVersion version, float[] query, Optional<Double> coverage, long epoch) {}

  private ReadRoutes(
      String path,
      LiveCollection collection,
      LiveCollection.LiveField field,
      SearchRequest request) {
    this.path = path;
    this.collection = collection;
    this.field = field;
    this.request = request;
    this.routing = request.routing();
    this.policy = field.policy();
  }

  static Route route(
      LiveCollection collection, LiveCollection.LiveField field, SearchRequest request) {
    return route("query.nearest", collection, field, request, Optional.empty());
  }

  /// The route to `pinned`, where another stage of the query has decided, unless the request names
  /// a version. `path` is what holds the vector in the request, for refusals.
  static Route route(
      String path,
      LiveCollection collection,
      LiveCollection.LiveField field,
      SearchRequest request,
      Optional<LiveVersion> pinned) {
    return new ReadRoutes(path, collection, field, request).find(pinned);
  }

  /// The route of a query that brings no vector: its vector is a stored one of the version that the
  /// policy gives `key`. The query of the route is empty; the vector of `request` is not looked at.
  static Route routeStored(
      String path,
      LiveCollection collection,
      LiveCollection.LiveField field,
      SearchRequest request,
      Optional<LiveVersion> pinned,
      String key) {
    ReadRoutes routes = new ReadRoutes(path, collection, field, request);
    LiveVersion version =
        request.version() != 0 ? routes.named() : pinned.orElseGet(() -> routes.byKey(key));
    return new Route(version, new float[0], routes.coverage(version), routes.policy.epoch());
  }

  private LiveVersion byKey(String key) {
    if (field.moving().isEmpty()) {
      return field.readVersion();
    }
    LiveCollection.Moving moving = field.moving().get();
    return switch (policy.basisPoints()) {
      case 0 -> moving.from();
      case RoutingPolicy.BUCKETS -> moving.to();
      default -> bucketed(routing.key().isEmpty() ? key : routing.key());
    };
  }

  private Route find(Optional<LiveVersion> pinned) {
    LiveVersion version = request.version() != 0 ? named() : pinned.orElseGet(this::byPolicy);
    Vector vector = vectorOf(version).orElseThrow(() -> mismatch(version, request.version() == 0));
    String vectorPath = path + (vector == request.vector() ? ".vector" : ".vectors");
    VectorChecks.check(vectorPath, vector, collection, version);
    float[] query =
        version.derivesFrom(vector) ? version.deriveQuery(vector.values()) : vector.values();
    if (version.derivesFrom(vector)) {
      VectorChecks.checkValues(
          vectorPath, query, version.spec(), VectorChecks.where(collection, version));
    }
    field
        .moving()
        .ifPresent(moving -> {
          // Before the switch such reads are the rule.
          if (version == moving.from() && moving.migration().state() == MigrationState.SWITCHED) {
            moving.state().noteOldRead();
          }
        });
    return new Route(version, query, coverage(version), policy.epoch());
  }

  private LiveVersion named() {
    LiveVersion version = field.versions().get(request.version());
    if (version == null) {
      throw WhimbrelException.of(
          ErrorCode.UNKNOWN_VERSION,
          path + ".version",
          request.version(),
          "one of " + field.versions().keySet() + " of field \"" + request.field() + '"');
    }
    return version;
  }

  /// The version that the policy gives the request.
  private LiveVersion byPolicy() {
    if (field.moving().isEmpty()) {
      return field.readVersion();
    }
    LiveCollection.Moving moving = field.moving().get();
    int share = policy.basisPoints();
    if (share == 0) {
      return moving.from();
    }
    if (share == RoutingPolicy.BUCKETS) {
      return moving.to();
    }
    if (isUnaware(moving)) {
      moving.state().countLegacyRead();
      return moving.from();
    }
    boolean both = vectorOf(moving.from()).isPresent() && vectorOf(moving.to()).isPresent();
    if (!routing.key().isEmpty()) {
      return bucketed(routing.key());
    }
    // Without a key the query decides, alike each time; a caller with one vector gets the version
    // of its space.
    return both
        ? bucketed(queryKey())
        : vectorOf(moving.to()).isPresent() ? moving.to() : moving.from();
  }

  private LiveVersion bucketed(String key) {
    return field.version(policy.versionOf(RoutingBuckets.of(policy.migrationId(), key)));
  }

  private String queryKey() {
    return HexFormat.of().toHexDigits(ContentHash.ofVector(request.vector().values()));
  }

  /// Whether the caller cannot know of the migration: one vector of the old version, without an
  /// epoch, and either no space or no key.
  private boolean isUnaware(LiveCollection.Moving moving) {
    return !moving.migration().derived()
        && routing.epoch() == 0
        && routing.others().isEmpty()
        && moving.from().takes(request.vector())
        && (request.vector().spaceId().isEmpty() || routing.key().isEmpty());
  }

  /// The request's vector for the version: one that names its space first, then one that does not
  /// and fits.
  private Optional<Vector> vectorOf(LiveVersion version) {
    List<Vector> vectors = new ArrayList<>(1 + routing.others().size());
    vectors.add(request.vector());
    vectors.addAll(routing.others());
    for (Vector vector : vectors) {
      if (!vector.spaceId().isEmpty() && version.takesSpace(vector.spaceId())) {
        return Optional.of(vector);
      }
    }
    for (Vector vector : vectors) {
      if (vector.spaceId().isEmpty() && version.takes(vector) && !isAmbiguous(version, vector)) {
        return Optional.of(vector);
      }
    }
    return Optional.empty();
  }

  /// Whether a vector without a space could be of another version than the one asked: the old one's
  /// until the switch, after it nobody knows.
  private boolean isAmbiguous(LiveVersion version, Vector vector) {
    if (field.moving().isEmpty() || request.version() != 0) {
      return false;
    }
    LiveCollection.Moving moving = field.moving().get();
    return !moving.migration().derived()
        && version == moving.to()
        && moving.from().takesDimension(vector.dimension());
  }

  private WhimbrelException mismatch(LiveVersion version, boolean byPolicy) {
    Vector vector = request.vector();
    if (vector.spaceId().isEmpty()) {
      if (version.takesDimension(vector.dimension())) {
        return WhimbrelException.routing(
            ErrorCode.SPACE_REQUIRED,
            path + ".vector.space_id",
            "not given",
            version.inputSpaceId()
                + ", since versions "
                + policy.fromVersion()
                + " and "
                + policy.toVersion()
                + " both take "
                + vector.dimension()
                + " values",
            policy);
      }
      boolean known =
          byPolicy
              && field.moving().isPresent()
              && field.versions().values().stream()
                  .anyMatch(other -> other.takesDimension(vector.dimension()));
      return WhimbrelException.routing(
          known ? ErrorCode.ROUTING_STALE : ErrorCode.DIMENSION_MISMATCH,
          path + ".vector dimension",
          vector.dimension(),
          version.inputSpec().dimension() + ", " + VectorChecks.where(collection, version),
          policy);
    }
    boolean inUse =
        field.versions().values().stream().anyMatch(other -> other.takesSpace(vector.spaceId()));
    ErrorCode code =
        field.fieldRecord().retired().contains(vector.spaceId()) && !inUse
            ? ErrorCode.OLD_SPACE
            : byPolicy && inUse && field.moving().isPresent()
                ? ErrorCode.ROUTING_STALE
                : ErrorCode.SPACE_MISMATCH;
    return WhimbrelException.routing(
        code,
        path + ".vector.space_id",
        vector.spaceId(),
        version.inputSpaceId()
            + ", the space of model "
            + version.inputSpec().model()
            + ", "
            + VectorChecks.where(collection, version)
            + ", by the policy of epoch "
            + policy.epoch(),
        policy);
  }

  /// What the version covers, when it may not be complete; refused unless the caller takes that.
  private Optional<Double> coverage(LiveVersion version) {
    Optional<LiveCollection.Moving> moving = field.moving();
    if (moving.isEmpty()
        || version != moving.get().to()
        || moving.get().migration().state().readable()) {
      checkCoverage(version, version.coverage());
      return Optional.empty();
    }
    MigrationState state = moving.get().migration().state();
    if (routing.minCoverage().isEmpty()) {
      throw WhimbrelException.of(
          ErrorCode.COVERAGE_TOO_LOW,
          path + ".version",
          version.ref().version() + ", of a migration in state " + state,
          "a version that is ready, or min_coverage to take what there is");
    }
    BacklogCounters counters = moving.get().state().counters();
    long live = Math.max(counters.live(), version.live());
    long missing =
        state == MigrationState.DUAL_WRITE
            ? live - version.live()
            : counters.forward() + counters.dead() + counters.waived();
    double share = live == 0 ? 1 : Math.max(0, (double) (live - missing) / live);
    checkCoverage(version, share);
    return Optional.of(share);
  }

  private void checkCoverage(LiveVersion version, double share) {
    if (routing.minCoverage().isPresent() && share < routing.minCoverage().getAsDouble()) {
      throw WhimbrelException.of(
          ErrorCode.COVERAGE_TOO_LOW,
          "min_coverage",
          routing.minCoverage().getAsDouble(),
          "at most " + share + ", the share that version " + version.ref().version() + " has");
    }
  }
}
