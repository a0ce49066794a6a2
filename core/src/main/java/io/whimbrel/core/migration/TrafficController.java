package io.whimbrel.core.migration;

import io.whimbrel.core.model.TrafficGates;
import io.whimbrel.core.model.TrafficSchedule;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Decides when a traffic schedule goes on, waits or is taken back, from what it is told: no clock,
/// no thread, no store.
///
/// A window is closed once it is long enough and the new version has given enough answers in it; so
/// little traffic makes windows long, not conclusions rash. A signal out of bounds in two windows
/// one after the other trips: one bad window may be chance, and looking often finds chance. A step
/// is done after its hold, when its last two windows at least were good and the last word on
/// quality is not bad. While an operator postpones it, or the windows are not good, a step is held
/// on; bounds are watched all the same, also after the last step until its hold is over. Belongs to
/// one thread.
public final class TrafficController {
  /// Windows in a row that trip, and that a step needs.
  private static final int WINDOWS = 2;

  /// Below it a ratio of latencies is noise.
  private static final long P99_FLOOR_MICROS = 5_000;

  /// What can be out of bounds.
  public enum Signal {
    ERRORS,
    LATENCY,
    ZERO_RESULTS,
    FRESHNESS,
    FEEDBACK,
    QUALITY
  }

  /// What to do now.
  public sealed interface Decision {
    /// Nothing; `why` says what the next step waits for.
    record Hold(String why) implements Decision {}

    /// Move the traffic to this step.
    record Advance(int step) implements Decision {}

    /// All reads back to the old version.
    record Trip(String reason) implements Decision {}

    /// The last step was held to its end.
    record Done() implements Decision {}
  }

  /// Everything else that a decision rests on.
  ///
  /// @param postponed whether an operator holds the schedule
  /// @param backlogAgeMillis how long the backlog has not been empty
  /// @param quality what the golden set said last at this step; empty while it has not been asked
  public record Surroundings(boolean postponed, long backlogAgeMillis, Optional<Quality> quality) {}

  /// @param worse whether the new version was found worse
  /// @param text for the history
  public record Quality(boolean worse, String text) {}

  private final TrafficSchedule schedule;
  private final TrafficGates gates;
  private final Map<Signal, Integer> badInRow = new EnumMap<>(Signal.class);
  private int step;
  private long heldMillis;
  private long windowMillis;
  private int goodInRow;
  private boolean windowClosed;
  private String lastWindow = "";

  /// Goes on at `step`, already held for `heldMillis`.
  public TrafficController(TrafficSchedule schedule, int step, long heldMillis) {
    this.schedule = schedule;
    this.gates = schedule.gates();
    this.step = step;
    this.heldMillis = heldMillis;
  }

  /// Decides after `passedMillis` more. `from` and `to` are counts since the window began; when
  /// [#windowClosed] says so afterwards, a new one begins. After Advance, Trip or Done the caller
  /// acts; an action that fails is decided again at the next call.
  public Decision tick(
      long passedMillis, WindowCounts from, WindowCounts to, Surroundings surroundings) {
    heldMillis += passedMillis;
    windowMillis += passedMillis;
    windowClosed = windowMillis >= gates.window().toMillis() && to.requests() >= gates.samplesMin();
    if (windowClosed) {
      windowMillis = 0;
      Optional<String> trip = judge(from, to, surroundings);
      if (trip.isPresent()) {
        return new Decision.Trip(trip.get());
      }
    }
    if (badInRow.values().stream().anyMatch(count -> count >= WINDOWS)) {
      return new Decision.Trip(lastWindow);
    }
    return next(to, surroundings);
  }

  private Decision next(WindowCounts to, Surroundings surroundings) {
    long hold = schedule.steps().get(step).hold().toMillis();
    if (heldMillis < hold) {
      return new Decision.Hold("its time: " + heldMillis / 1000 + " of " + hold / 1000 + " s");
    }
    if (surroundings.postponed()) {
      return new Decision.Hold("an operator, who postponed it");
    }
    if (goodInRow < WINDOWS) {
      return new Decision.Hold(
          String.format(
              Locale.ROOT,
              "good windows: %d of %d; this one has %d of %d answers of the new version; last: %s",
              goodInRow,
              WINDOWS,
              to.requests(),
              gates.samplesMin(),
              lastWindow.isEmpty() ? "none" : lastWindow));
    }
    if (!gates.goldenSet().isEmpty()
        && (surroundings.quality().isEmpty() || surroundings.quality().get().worse())) {
      return new Decision.Hold(
          "the golden set "
              + gates.goldenSet()
              + surroundings.quality().map(quality -> ": " + quality.text()).orElse(""));
    }
    return step + 1 < schedule.steps().size()
        ? new Decision.Advance(step + 1)
        : new Decision.Done();
  }

  /// Counts the window; says why it trips, if it does.
  private Optional<String> judge(WindowCounts from, WindowCounts to, Surroundings surroundings) {
    Map<Signal, String> bad = outOfBounds(from, to, surroundings);
    List<String> tripping = new ArrayList<>();
    for (Signal signal : Signal.values()) {
      int count = bad.containsKey(signal) ? badInRow.getOrDefault(signal, 0) + 1 : 0;
      badInRow.put(signal, count);
      if (count >= WINDOWS) {
        tripping.add(bad.getOrDefault(signal, ""));
      }
    }
    goodInRow = bad.isEmpty() ? goodInRow + 1 : 0;
    lastWindow = bad.isEmpty() ? "good" : String.join("; ", bad.values());
    return tripping.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", tripping));
  }

  private Map<Signal, String> outOfBounds(
      WindowCounts from, WindowCounts to, Surroundings surroundings) {
    Map<Signal, String> bad = new EnumMap<>(Signal.class);
    if (to.errorRate() > gates.errorRateMax()) {
      bad.put(
          Signal.ERRORS,
          text(
              "errors: %.2f %% (at most %.2f %%)",
              100 * to.errorRate(), 100 * gates.errorRateMax()));
    }
    // What compares needs enough of both; at 10,000 basis points the old version answers nothing.
    if (from.requests() >= gates.samplesMin()) {
      if (to.p99Micros() > P99_FLOOR_MICROS
          && to.p99Micros() > gates.p99RatioMax() * from.p99Micros()) {
        bad.put(
            Signal.LATENCY,
            text(
                "p99: %.1f ms (at most %.2f times the old version's %.1f ms)",
                to.p99Micros() / 1e3, gates.p99RatioMax(), from.p99Micros() / 1e3));
      }
      if (to.emptyRate() > from.emptyRate() + gates.zeroResultExcessMax()) {
        bad.put(
            Signal.ZERO_RESULTS,
            text(
                "empty answers: %.2f %% (at most %.2f %% above the old version's %.2f %%)",
                100 * to.emptyRate(), 100 * gates.zeroResultExcessMax(), 100 * from.emptyRate()));
      }
    }
    if (from.feedback() >= gates.samplesMin()
        && to.feedback() >= gates.samplesMin()
        && to.goodRate() < from.goodRate() - gates.feedbackDropMax()) {
      bad.put(
          Signal.FEEDBACK,
          text(
              "good feedback: %.1f %% (at most %.1f %% below the old version's %.1f %%)",
              100 * to.goodRate(), 100 * gates.feedbackDropMax(), 100 * from.goodRate()));
    }
    if (surroundings.backlogAgeMillis() > gates.backlogAgeMax().toMillis()) {
      bad.put(
          Signal.FRESHNESS,
          text(
              "backlog not empty for %d s (at most %d s)",
              surroundings.backlogAgeMillis() / 1000, gates.backlogAgeMax().toSeconds()));
    }
    surroundings
        .quality()
        .filter(Quality::worse)
        .ifPresent(quality ->
            bad.put(Signal.QUALITY, "golden set " + gates.goldenSet() + ": " + quality.text()));
    return bad;
  }

  private static String text(String format, Object... args) {
    return String.format(Locale.ROOT, format, args);
  }

  /// The traffic has moved to `newStep`: its time begins, and what it needs is counted anew.
  public void moved(int newStep) {
    step = newStep;
    heldMillis = 0;
    windowMillis = 0;
    goodInRow = 0;
  }

  public int step() {
    return step;
  }

  public long heldMillis() {
    return heldMillis;
  }

  /// Whether the last tick closed a window.
  public boolean windowClosed() {
    return windowClosed;
  }

  /// Whether the hold of the step is over, so that the golden set should be asked.
  public boolean due() {
    return heldMillis >= schedule.steps().get(step).hold().toMillis();
  }

  /// What the last closed window showed; empty before the first.
  public String lastWindow() {
    return lastWindow;
  }
}
