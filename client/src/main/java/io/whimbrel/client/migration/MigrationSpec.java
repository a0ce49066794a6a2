package io.whimbrel.client.migration;

import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.FieldSpec;
import java.time.Duration;

/**
 * A migration to be made.
 *
 * @param to what the new version holds; with {@code Origin.DERIVED} the server computes vectors and
 *     queries itself
 * @param allowNewOnly take writes that have a vector for the new version only, before the switch
 * @param autoStart send writes to both versions at once; otherwise {@link Migrations#start} does
 * @param soak how long the old version must stay after the switch before {@link
 *     Migrations#complete}
 * @param reason who asks and why, for the history
 */
public record MigrationSpec(
    String collection,
    String field,
    EmbeddingSpec to,
    LegacyWrite legacyWrite,
    StaleRead staleRead,
    boolean allowNewOnly,
    boolean autoStart,
    Duration soak,
    Throttle throttle,
    String reason) {
  /** Starts with the field "default", legacy writes enqueued, stale points left out, no soak. */
  public static Builder builder(String collection, EmbeddingSpec to) {
    return new Builder(collection, to);
  }

  /** Collects the parts of a migration. Not safe for more than one thread. */
  public static final class Builder {
    private final String collection;
    private final EmbeddingSpec to;
    private String field = FieldSpec.DEFAULT_NAME;
    private LegacyWrite legacyWrite = LegacyWrite.ENQUEUE;
    private StaleRead staleRead = StaleRead.EXCLUDE;
    private boolean allowNewOnly;
    private boolean autoStart = true;
    private Duration soak = Duration.ZERO;
    private Throttle throttle = Throttle.NONE;
    private String reason = "";

    private Builder(String collection, EmbeddingSpec to) {
      this.collection = collection;
      this.to = to;
    }

    public Builder field(String field) {
      this.field = field;
      return this;
    }

    public Builder legacyWrite(LegacyWrite legacyWrite) {
      this.legacyWrite = legacyWrite;
      return this;
    }

    public Builder staleRead(StaleRead staleRead) {
      this.staleRead = staleRead;
      return this;
    }

    public Builder allowNewOnly(boolean allowNewOnly) {
      this.allowNewOnly = allowNewOnly;
      return this;
    }

    public Builder autoStart(boolean autoStart) {
      this.autoStart = autoStart;
      return this;
    }

    public Builder soak(Duration soak) {
      this.soak = soak;
      return this;
    }

    public Builder throttle(Throttle throttle) {
      this.throttle = throttle;
      return this;
    }

    public Builder reason(String reason) {
      this.reason = reason;
      return this;
    }

    public MigrationSpec build() {
      return new MigrationSpec(
          collection,
          field,
          to,
          legacyWrite,
          staleRead,
          allowNewOnly,
          autoStart,
          soak,
          throttle,
          reason);
    }
  }
}
