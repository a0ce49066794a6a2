package io.whimbrel.bench.ann;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class FrontTest {
  @Test
  void interpolatesTheLogarithmOfTheSpeed() {
    Front front = Front.of(List.of(point(10, 0.90, 10_000), point(20, 0.96, 100)));

    assertThat(front.at(0.90)).hasValue(new Front.Reading(10_000, false));
    assertThat(front.at(0.93).orElseThrow().qps()).isCloseTo(1_000, within(1e-6));
    assertThat(front.at(0.96).orElseThrow().qps()).isCloseTo(100, within(1e-6));
    assertThat(front.at(0.961)).isEmpty();
    assertThat(front.recallMax()).isEqualTo(0.96);
  }

  @Test
  void givesALowerBoundBelowTheFirstPoint() {
    Front front = Front.of(List.of(point(10, 0.97, 500)));

    assertThat(front.at(0.95)).hasValue(new Front.Reading(500, true));
    assertThat(front.at(0.97)).hasValue(new Front.Reading(500, false));
  }

  @Test
  void leavesOutWhatAnotherPointBeats() {
    Front.Point slow = point(10, 0.90, 900);
    Front.Point good = point(12, 0.92, 1_000);
    Front.Point worse = point(15, 0.91, 800);
    Front.Point best = point(19, 0.99, 300);

    assertThat(Front.of(List.of(slow, good, worse, best)).points()).containsExactly(good, best);
  }

  @Test
  void hasNothingToSayWithoutPoints() {
    assertThat(Front.of(List.of()).at(0.9)).isEmpty();
    assertThat(Front.of(List.of()).recallMax()).isZero();
  }

  @Test
  void writesLevelsAsTheyAreSpoken() {
    assertThat(Front.LEVELS.stream().map(AnnReport::key))
        .containsExactly("0.90", "0.95", "0.99", "0.999");
  }

  @Test
  void widensTheBeamUntilTheRecallIsEnough() {
    Sweep sweep = new Sweep(List.of(), 10);
    assertThat(sweep.first()).isEqualTo(10);
    assertThat(new Sweep(List.of(), 50).first()).isEqualTo(50);
    assertThat(sweep.next(10, 0.5)).hasValue(13);
    assertThat(sweep.next(100, 0.5)).hasValue(125);
    assertThat(sweep.next(4_000, 0.5)).hasValue(4_096);
    assertThat(sweep.next(4_096, 0.5)).isEmpty();
    assertThat(sweep.next(100, 0.9995)).isEmpty();
  }

  @Test
  void keepsToTheBeamsThatWereGiven() {
    Sweep sweep = new Sweep(List.of(20, 40), 10);
    assertThat(sweep.first()).isEqualTo(20);
    assertThat(sweep.next(20, 1)).hasValue(40);
    assertThat(sweep.next(40, 0.1)).isEmpty();
  }

  @Test
  void readsTheListOfCpus() {
    assertThat(Commands.cpus("0-2,5")).containsExactly(0, 1, 2, 5);
    assertThat(Commands.cpus("7")).containsExactly(7);
    assertThat(Commands.cpus("")).isEmpty();
  }

  private static Front.Point point(int ef, double recall, double qps) {
    return new Front.Point(ef, recall, qps, qps);
  }
}
