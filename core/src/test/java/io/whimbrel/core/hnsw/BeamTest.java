package io.whimbrel.core.hnsw;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The beam beside a sorted list.
class BeamTest {
  private static final int HOP = 32;

  /// All estimates ever added, sorted; those before the place in question were taken.
  private static final class Model {
    final List<Float> open = new ArrayList<>();
    final List<Float> taken = new ArrayList<>();

    /// The least open estimate, while fewer than `width` taken ones are below it.
    float next(int width) {
      float least = open.stream().min(Float::compare).orElse(Float.POSITIVE_INFINITY);
      return taken.stream().filter(e -> e < least).count() < width
          ? least
          : Float.POSITIVE_INFINITY;
    }
  }

  @Test
  void takesTheBestInOrderUntilTheWidthIsTaken() {
    Random random = Seeds.random("takesTheBestInOrder");
    Beam beam = new Beam(KernelProvider.best().graph());
    for (int width : new int[] {1, 2, 10, 16, 40, 200, 1_000}) {
      for (int range : new int[] {3, 1_000, 1_000_000}) {
        run(random, beam, width, range);
      }
    }
  }

  private static void run(Random random, Beam beam, int width, int range) {
    Model model = new Model();
    float[] byNode = new float[1_000_000];
    int nodes = 0;
    beam.begin(width);
    for (int step = 0; step < 3 * width + 20; step++) {
      beam.reserve(HOP);
      // Later steps bring nearer ones, as a walk does.
      for (int i = random.nextInt(HOP); i > 0; i--) {
        float estimate = random.nextInt(range) - range / 4f - step % 7;
        if (estimate < beam.bound()) {
          byNode[nodes] = estimate;
          beam.add(estimate, nodes, 1);
          beam.add(-1e9f, 0, 0);
          nodes++;
        }
        model.open.add(estimate);
      }
      float expected = model.next(width);
      int node = beam.take();
      if (expected == Float.POSITIVE_INFINITY) {
        assertThat(node).isEqualTo(Beam.NONE);
      } else if (node == Beam.NONE) {
        // Among equal ones more than the width, some were dropped.
        assertThat(model.taken.stream().filter(e -> e <= expected).count())
            .isGreaterThanOrEqualTo(width);
      } else {
        assertThat(byNode[node]).isEqualTo(expected);
        model.open.remove((Float) expected);
        model.taken.add(expected);
      }
    }
  }

  @Test
  void discountedEntriesDoNotCount() {
    Beam beam = new Beam(KernelProvider.best().graph());
    beam.begin(2);
    beam.reserve(HOP);
    for (int i = 0; i < 5; i++) {
      beam.add(i, i, 1);
    }
    assertThat(beam.take()).isZero();
    assertThat(beam.take()).isEqualTo(1);
    beam.discount();
    assertThat(beam.take()).isEqualTo(2);
    assertThat(beam.take()).isEqualTo(Beam.NONE);
  }
}
