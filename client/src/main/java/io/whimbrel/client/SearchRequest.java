package io.whimbrel.client;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The {@code k} points nearest to {@code vector} in one field.
 *
 * @param version the version to ask; 0 for the one the read policy names
 * @param k 1 to 10,000
 * @param scoreThreshold hits below are left out
 * @param exact scan all vectors instead of asking the index
 * @param ef beam width of a graph search, {@code k} to 10,000: more finds more of the true hits and
 *     costs more. When empty, twice {@code k} and at least 64. An exact scan ignores it
 * @param filter what hits must meet
 * @param maxSim of a field of many vectors a point
 */
public record SearchRequest(
    String field,
    int version,
    Vector vector,
    int k,
    OptionalDouble scoreThreshold,
    boolean exact,
    OptionalInt ef,
    ReadOptions read,
    Routing routing,
    Optional<Filter> filter,
    MaxSimOptions maxSim) {
  public SearchRequest {
    Checks.atLeast("k", k, 1);
    Checks.atLeast("version", version, 0);
    if (ef.isPresent()) {
      Checks.atLeast("params.ef", ef.getAsInt(), 1);
    }
  }

  /**
   * Which version of a migrating field may answer.
   *
   * @param key decides the version: equal keys are answered alike. When empty, the query itself
   *     decides
   * @param epoch the policy by which the vector's space was chosen; 0 when by none
   * @param alternatives the query in more spaces than that of {@code vector}: the version that
   *     answers takes its own. Each names its space, and so must {@code vector}
   * @param minCoverage refuse an answer of a version whose index or backfill covers less; needed to
   *     ask one that is not ready
   * @param scoreThresholdVersion the version that the score threshold was found with; 0 when not
   *     known
   */
  public record Routing(
      String key,
      long epoch,
      List<Vector> alternatives,
      OptionalDouble minCoverage,
      int scoreThresholdVersion) {
    /** Nothing is asked. */
    public static final Routing NONE = new Routing("", 0, List.of(), OptionalDouble.empty(), 0);

    public Routing {
      alternatives = List.copyOf(alternatives);
    }
  }

  /** The {@code k} nearest of the field "default", with their payload. */
  public static SearchRequest of(Vector vector, int k) {
    return builder(vector).k(k).build();
  }

  /** Starts with the ten nearest of the field "default", with their payload. */
  public static Builder builder(Vector vector) {
    return new Builder(vector);
  }

  /** Collects the parts of a search. Not safe for more than one thread. */
  public static final class Builder {
    private final Vector vector;
    private String field = FieldSpec.DEFAULT_NAME;
    private int version;
    private int k = 10;
    private OptionalDouble scoreThreshold = OptionalDouble.empty();
    private boolean exact;
    private OptionalInt ef = OptionalInt.empty();
    private Optional<Filter> filter = Optional.empty();
    private ReadOptions read = ReadOptions.DEFAULT;
    private Routing routing = Routing.NONE;
    private MaxSimOptions maxSim = MaxSimOptions.DEFAULT;

    private Builder(Vector vector) {
      this.vector = vector;
    }

    public Builder field(String field) {
      this.field = field;
      return this;
    }

    public Builder version(int version) {
      this.version = version;
      return this;
    }

    public Builder k(int k) {
      this.k = k;
      return this;
    }

    public Builder scoreThreshold(double scoreThreshold) {
      this.scoreThreshold = OptionalDouble.of(scoreThreshold);
      return this;
    }

    public Builder exact(boolean exact) {
      this.exact = exact;
      return this;
    }

    public Builder ef(int ef) {
      this.ef = OptionalInt.of(ef);
      return this;
    }

    public Builder filter(Filter filter) {
      this.filter = Optional.of(filter);
      return this;
    }

    public Builder read(ReadOptions read) {
      this.read = read;
      return this;
    }

    public Builder routing(Routing routing) {
      this.routing = routing;
      return this;
    }

    public Builder maxSim(MaxSimOptions maxSim) {
      this.maxSim = maxSim;
      return this;
    }

    public SearchRequest build() {
      return new SearchRequest(
          field, version, vector, k, scoreThreshold, exact, ef, read, routing, filter, maxSim);
    }
  }
}
