package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.migration.TrafficController.Decision;
import io.whimbrel.core.migration.TrafficController.Quality;
import io.whimbrel.core.migration.TrafficController.Surroundings;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.TrafficGates;
import io.whimbrel.core.model.TrafficSchedule;
import io.whimbrel.core.model.WhimbrelException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrafficControllerTest {
  private static final long WINDOW = Duration.ofMinutes(1).toMillis();
  private static final WindowCounts GOOD = new WindowCounts(1000, 0, 10, 20_000, 0, 0);
  private static final WindowCounts FEW = new WindowCounts(99, 99, 0, 20_000, 0, 0);
  private static final Surroundings QUIET = new Surroundings(false, 0, Optional.empty());

  private static TrafficController controller() {
    return new TrafficController(TrafficSchedule.DEFAULT, 0, 0);
  }

  private static Decision window(TrafficController controller, WindowCounts to) {
    Decision decision = controller.tick(WINDOW, GOOD, to, QUIET);
    return decision;
  }

  @Test
  void theDefaultScheduleReachesAllOnTheTenthDayAndGuardsSevenMore() {
    TrafficController controller = controller();
    long millis = 0;
    StringBuilder shares = new StringBuilder();
    for (boolean done = false; !done; ) {
      millis += WINDOW;
      switch (window(controller, GOOD)) {
        case Decision.Hold _ -> {}
        case Decision.Advance(int step) -> {
          controller.moved(step);
          shares
              .append(TrafficSchedule.DEFAULT.steps().get(step).basisPoints() / 100)
              .append("% at ")
              .append(Duration.ofMillis(millis).toHours())
              .append("h ");
        }
        case Decision.Done _ -> done = true;
        case Decision.Trip(String reason) -> throw new AssertionError(reason);
      }
    }
    assertThat(shares)
        .hasToString(
            "10% at 1h 20% at 25h 30% at 49h 40% at 73h 50% at 97h 60% at 121h 70% at 145h"
                + " 80% at 169h 90% at 193h 100% at 217h ");
    assertThat(Duration.ofMillis(millis).toHours()).isEqualTo(217 + 7 * 24);
  }

  @ParameterizedTest
  @CsvSource({
    "1000, 11, 10, 20000, errors: 1.10 %",
    "1000, 0, 10, 31000, p99: 31.0 ms",
    "1000, 0, 31, 20000, empty answers: 3.10 %"
  })
  void twoBadWindowsInARowTrip(
      long requests, long errors, long empty, long p99Micros, String reason) {
    TrafficController controller = controller();
    WindowCounts bad = new WindowCounts(requests, errors, empty, p99Micros, 0, 0);
    assertThat(window(controller, bad)).isInstanceOf(Decision.Hold.class);
    assertThat(window(controller, GOOD)).isInstanceOf(Decision.Hold.class);
    assertThat(window(controller, bad)).isInstanceOf(Decision.Hold.class);
    assertThat(window(controller, bad))
        .isInstanceOfSatisfying(
            Decision.Trip.class, trip -> assertThat(trip.reason()).startsWith(reason));
  }

  @Test
  void twoDifferentSignalsInTurnDoNotTrip() {
    TrafficController controller = controller();
    for (int i = 0; i < 10; i++) {
      assertThat(window(controller, new WindowCounts(1000, 500, 10, 20_000, 0, 0)))
          .isInstanceOf(Decision.Hold.class);
      assertThat(window(controller, new WindowCounts(1000, 0, 500, 20_000, 0, 0)))
          .isInstanceOf(Decision.Hold.class);
    }
  }

  @Test
  void atItsBoundsAVersionIsGood() {
    TrafficController controller = controller();
    window(controller, new WindowCounts(1000, 10, 29, 30_000, 0, 0));
    assertThat(controller.lastWindow()).isEqualTo("good");
  }

  /// However bad it looks, 99 answers are no window.
  @Test
  void aWindowWaitsForItsSamples() {
    TrafficController controller = controller();
    for (int i = 0; i < 100; i++) {
      assertThat(window(controller, FEW)).isInstanceOf(Decision.Hold.class);
      assertThat(controller.windowClosed()).isFalse();
    }
    window(controller, new WindowCounts(100, 100, 0, 20_000, 0, 0));
    assertThat(controller.windowClosed()).isTrue();
  }

  @Test
  void aTripThatFailedIsDecidedAgainAtTheNextTick() {
    TrafficController controller = controller();
    WindowCounts bad = new WindowCounts(1000, 50, 0, 20_000, 0, 0);
    window(controller, bad);
    assertThat(window(controller, bad)).isInstanceOf(Decision.Trip.class);
    assertThat(controller.tick(250, GOOD, WindowCounts.NONE, QUIET))
        .isInstanceOf(Decision.Trip.class);
  }

  @Test
  void aStepWaitsForTwoGoodWindowsAfterItsHold() {
    TrafficController controller = controller();
    controller.tick(Duration.ofHours(1).toMillis(), GOOD, FEW, QUIET);
    assertThat(window(controller, GOOD))
        .isInstanceOfSatisfying(
            Decision.Hold.class, hold -> assertThat(hold.why()).startsWith("good windows: 1 of 2"));
    assertThat(window(controller, GOOD)).isEqualTo(new Decision.Advance(1));
    // Asked again until it is told that the traffic moved.
    assertThat(controller.tick(250, GOOD, WindowCounts.NONE, QUIET))
        .isEqualTo(new Decision.Advance(1));
    controller.moved(1);
    assertThat(controller.tick(250, GOOD, WindowCounts.NONE, QUIET))
        .isInstanceOf(Decision.Hold.class);
  }

  @Test
  void anOperatorHoldsAStepButNotATrip() {
    Surroundings postponed = new Surroundings(true, 0, Optional.empty());
    TrafficController controller = controller();
    for (int i = 0; i < 200; i++) {
      assertThat(controller.tick(WINDOW, GOOD, GOOD, postponed)).isInstanceOf(Decision.Hold.class);
    }
    WindowCounts bad = new WindowCounts(1000, 50, 0, 20_000, 0, 0);
    controller.tick(WINDOW, GOOD, bad, postponed);
    assertThat(controller.tick(WINDOW, GOOD, bad, postponed)).isInstanceOf(Decision.Trip.class);
  }

  @Test
  void anOldBacklogTripsAndAYoungOneDoesNot() {
    TrafficController controller = controller();
    for (int i = 0; i < 5; i++) {
      controller.tick(WINDOW, GOOD, GOOD, new Surroundings(false, 600_000, Optional.empty()));
    }
    assertThat(controller.lastWindow()).isEqualTo("good");
    controller.tick(WINDOW, GOOD, GOOD, new Surroundings(false, 601_000, Optional.empty()));
    assertThat(
            controller.tick(WINDOW, GOOD, GOOD, new Surroundings(false, 661_000, Optional.empty())))
        .isEqualTo(new Decision.Trip("backlog not empty for 661 s (at most 600 s)"));
  }

  @Test
  void badFeedbackTripsOnceThereIsEnoughOfBoth() {
    WindowCounts from = new WindowCounts(1000, 0, 10, 20_000, 500, 450);
    TrafficController controller = controller();
    WindowCounts few = new WindowCounts(1000, 0, 10, 20_000, 99, 0);
    WindowCounts bad = new WindowCounts(1000, 0, 10, 20_000, 200, 158);
    for (int i = 0; i < 5; i++) {
      controller.tick(WINDOW, from, few, QUIET);
    }
    controller.tick(WINDOW, from, bad, QUIET);
    assertThat(controller.tick(WINDOW, from, bad, QUIET))
        .isInstanceOfSatisfying(
            Decision.Trip.class,
            trip -> assertThat(trip.reason()).startsWith("good feedback: 79.0 %"));
  }

  @Test
  void theGoldenSetHoldsAStepUntilItHasSpokenAndTripsWhenItFindsWorse() {
    TrafficGates gates =
        new TrafficGates(
            Duration.ofMinutes(1), 100, 0.01, 1.5, 0.02, Duration.ofMinutes(10), 0.1, "faq");
    TrafficController controller =
        new TrafficController(new TrafficSchedule(TrafficSchedule.DEFAULT.steps(), gates), 0, 0);
    controller.tick(Duration.ofHours(1).toMillis(), GOOD, GOOD, QUIET);
    assertThat(controller.due()).isTrue();
    assertThat(window(controller, GOOD)).isEqualTo(new Decision.Hold("the golden set faq"));
    Surroundings fine = new Surroundings(false, 0, Optional.of(new Quality(false, "NON_INFERIOR")));
    assertThat(controller.tick(250, GOOD, FEW, fine)).isEqualTo(new Decision.Advance(1));
    Surroundings worse = new Surroundings(false, 0, Optional.of(new Quality(true, "WORSE")));
    controller.tick(WINDOW, GOOD, GOOD, worse);
    assertThat(controller.tick(WINDOW, GOOD, GOOD, worse))
        .isEqualTo(new Decision.Trip("golden set faq: WORSE"));
  }

  @Test
  void comparesOnlyWithAVersionThatAnswers() {
    TrafficController controller = controller();
    for (int i = 0; i < 5; i++) {
      controller.tick(
          WINDOW, WindowCounts.NONE, new WindowCounts(1000, 0, 900, 900_000, 0, 0), QUIET);
      assertThat(controller.lastWindow()).isEqualTo("good");
    }
  }

  @Test
  void goesOnWhereItWas() {
    TrafficController controller =
        new TrafficController(
            TrafficSchedule.DEFAULT, 3, Duration.ofHours(24).toMillis() - 2 * WINDOW);
    assertThat(window(controller, GOOD)).isInstanceOf(Decision.Hold.class);
    assertThat(window(controller, GOOD)).isEqualTo(new Decision.Advance(4));
  }

  @Test
  void refusesSchedulesThatDoNotGrow() {
    TrafficSchedule.Step step = new TrafficSchedule.Step(500, Duration.ofHours(1));
    assertThatThrownBy(() -> new TrafficSchedule(List.of(step, step), TrafficGates.DEFAULT))
        .isInstanceOf(WhimbrelException.class)
        .hasMessage(
            "schedule.steps[1].basis_points: 500 (expected: more than the step before, 500)");
    assertThatThrownBy(() -> new TrafficSchedule(List.of(), TrafficGates.DEFAULT))
        .hasMessageStartingWith("schedule.steps: 0");
    assertThatThrownBy(() -> new TrafficSchedule.Step(10_001, Duration.ZERO))
        .hasMessageStartingWith("schedule.steps.basis_points: 10001");
  }

  @Test
  void countsWindowsOfBothVersions() {
    TrafficSignals signals = new TrafficSignals();
    for (int i = 0; i < 100; i++) {
      signals.answered(false, 10, 2_000_000);
      signals.answered(true, i % 10, 4_000_000);
    }
    signals.fault(true);
    signals.failed(true, ErrorCode.OVERLOADED);
    signals.failed(true, ErrorCode.DIMENSION_MISMATCH);
    signals.feedback(true, true);
    signals.feedback(true, false);
    WindowCounts to = signals.to();
    assertThat(to.requests()).isEqualTo(102);
    assertThat(to.errors()).isEqualTo(2);
    assertThat(to.empty()).isEqualTo(10);
    assertThat(to.p99Micros()).isBetween(3_980L, 4_040L);
    assertThat(signals.from().p99Micros()).isBetween(1_990L, 2_020L);
    signals.restart();
    assertThat(signals.to()).isEqualTo(new WindowCounts(0, 0, 0, 0, 2, 1));
    signals.restartStep();
    assertThat(signals.to()).isEqualTo(WindowCounts.NONE);
  }
}
