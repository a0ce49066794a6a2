package io.whimbrel.core.migration;

import io.whimbrel.core.model.BackfillThrottle;
import java.time.Duration;
import java.util.function.LongSupplier;

/// How fast a backfill may go and how fast it goes.
///
/// Points and bytes a second are two buckets that fill up with time, up to a second's worth, and
/// may be overdrawn by one batch. A limit of the search p99 stops the backfill while searches are
/// slower, and finds out what they bear: a third bucket, of a twentieth of a second, begins with
/// few points a second, twice as many each second until the limit is first met; each time it is met
/// half as many, and a tenth more each second after. Any number of threads.
public final class Pace {
  private static final double NANOS = 1e9;

  /// The rate is averaged over about this time.
  private static final double RATE_SECONDS = 10;

  private static final Duration LOAD_RETRY = Duration.ofMillis(250);

  /// What searches bear, in points a second: at first, at least, and how it moves.
  private static final double BORNE_START = 128;

  private static final double BORNE_MIN = 8;
  private static final double BORNE_MAX = 1e6;
  private static final double BORNE_DOUBLED = 2;
  private static final double BORNE_MORE = 1.1;
  private static final double BORNE_CUT = 0.5;
  private static final double BORNE_BURST_SECONDS = 0.05;
  private static final long BORNE_MORE_NANOS = (long) NANOS;

  /// Slow searches are remembered so long; they are the fault of one pace.
  private static final long BORNE_CUT_NANOS = 2 * RecentLatency.WINDOW.toNanos();

  private final LongSupplier nanoTime;
  private long filledNanos;
  private double points;
  private double bytes;
  private double borne = BORNE_START;
  private double bornePoints = BORNE_START * BORNE_BURST_SECONDS;

  private long borneMoreNanos;
  private long borneCutNanos;

  /// Whether the limit was met ever, and whether this bucket held a request since the last move.
  private boolean borneMet;

  private boolean borneHeld;

  /// Nobody gets work before, for the nice ratio.
  private long restUntilNanos;

  private long leasedNanos;
  private double rate;
  private long ratedNanos;
  private long committedSince;
  private String waitReason = "";

  /// Whether work may be handed out, and if not, why and when to ask again.
  public record Permit(int points, String waitReason, Duration retryAfter) {}

  public Pace(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.filledNanos = nanoTime.getAsLong();
    this.borneMoreNanos = filledNanos;
    this.restUntilNanos = filledNanos;
    this.leasedNanos = filledNanos;
    this.ratedNanos = filledNanos;
  }

  /// Asks for `wanted` points of `pointBytes` each; nothing is taken from the buckets yet.
  public synchronized Permit ask(
      BackfillThrottle throttle, int wanted, long pointBytes, Duration searchP99) {
    Permit permit = decide(throttle, wanted, pointBytes, searchP99);
    waitReason = permit.waitReason();
    return permit;
  }

  /// Why the last request got nothing; empty when it got some.
  public synchronized String waitReason() {
    return waitReason;
  }

  private Permit decide(
      BackfillThrottle throttle, int wanted, long pointBytes, Duration searchP99) {
    long now = nanoTime.getAsLong();
    fill(throttle, now);
    boolean protects = !throttle.searchP99Max().isZero() && !searchP99.isZero();
    if (protects && searchP99.compareTo(throttle.searchP99Max()) > 0) {
      bearLess(now);
      return new Permit(
          0,
          "search p99 is " + millis(searchP99) + ", above " + millis(throttle.searchP99Max()),
          LOAD_RETRY);
    }
    if (restUntilNanos - now > 0) {
      return new Permit(
          0, "nice_ratio " + throttle.niceRatio(), Duration.ofNanos(restUntilNanos - now));
    }
    int allowed = wanted;
    if (protects) {
      bearMore(now);
      borneHeld |= bornePoints < wanted;
      if (bornePoints <= 0) {
        return wait("search p99, so far points_per_second", borne, bornePoints);
      }
      allowed = (int) Math.min(allowed, Math.max(1, Math.ceil(bornePoints)));
    }
    if (throttle.pointsPerSecond() > 0) {
      if (points <= 0) {
        return wait("points_per_second", throttle.pointsPerSecond(), points);
      }
      allowed = (int) Math.min(allowed, Math.max(1, Math.ceil(points)));
    }
    if (throttle.bytesPerSecond() > 0) {
      if (bytes <= 0) {
        return wait("bytes_per_second", throttle.bytesPerSecond(), bytes);
      }
      allowed = (int) Math.min(allowed, Math.max(1, Math.ceil(bytes / Math.max(1, pointBytes))));
    }
    return new Permit(allowed, "", Duration.ZERO);
  }

  private void bearLess(long now) {
    if (!borneMet || now - borneCutNanos > BORNE_CUT_NANOS) {
      borne = Math.max(BORNE_MIN, borne * BORNE_CUT);
      borneCutNanos = now;
      borneMet = true;
    }
    borneHeld = false;
  }

  /// Only what was used to the full can be too little.
  private void bearMore(long now) {
    if (borneHeld && now - borneMoreNanos >= BORNE_MORE_NANOS) {
      borne = Math.min(BORNE_MAX, borne * (borneMet ? BORNE_MORE : BORNE_DOUBLED));
      borneMoreNanos = now;
      borneHeld = false;
    }
  }

  private static Permit wait(String limit, double perSecond, double level) {
    long nanos = (long) Math.ceil((1 - level) / perSecond * NANOS);
    return new Permit(0, limit + " " + perSecond, Duration.ofNanos(Math.max(1_000_000, nanos)));
  }

  private static String millis(Duration duration) {
    return duration.toNanos() / 1e6 + " ms";
  }

  private void fill(BackfillThrottle throttle, long now) {
    double seconds = (now - filledNanos) / NANOS;
    filledNanos = now;
    points = Math.min(throttle.pointsPerSecond(), points + seconds * throttle.pointsPerSecond());
    bytes = Math.min(throttle.bytesPerSecond(), bytes + seconds * throttle.bytesPerSecond());
    bornePoints = Math.min(Math.max(1, borne * BORNE_BURST_SECONDS), bornePoints + seconds * borne);
  }

  /// Says that points were handed out.
  public synchronized void leased(BackfillThrottle throttle, int count, long pointBytes) {
    fill(throttle, nanoTime.getAsLong());
    // A limit that comes later must not find a debt of the time before.
    points -= throttle.pointsPerSecond() > 0 ? count : 0;
    bytes -= throttle.bytesPerSecond() > 0 ? (double) count * pointBytes : 0;
    bornePoints = Math.max(-borne, bornePoints - count);
    leasedNanos = filledNanos;
  }

  /// Says that points were committed.
  public synchronized void committed(BackfillThrottle throttle, int count) {
    long now = nanoTime.getAsLong();
    if (throttle.niceRatio() > 0) {
      restUntilNanos = now + (long) ((now - leasedNanos) * throttle.niceRatio());
    }
    committedSince += count;
    double seconds = (now - ratedNanos) / NANOS;
    if (seconds >= 1) {
      average(seconds, now);
    }
  }

  private void average(double seconds, long now) {
    double recent = committedSince / seconds;
    double weight = 1 - Math.exp(-seconds / RATE_SECONDS);
    rate = rate == 0 ? recent : rate + weight * (recent - rate);
    committedSince = 0;
    ratedNanos = now;
  }

  /// Points committed in a second, a moving average.
  public synchronized double rate() {
    long now = nanoTime.getAsLong();
    double seconds = (now - ratedNanos) / NANOS;
    if (seconds >= 1) {
      average(seconds, now);
    }
    return rate;
  }
}
