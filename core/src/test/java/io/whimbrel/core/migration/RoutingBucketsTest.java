package io.whimbrel.core.migration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RoutingBucketsTest {
  /// Published vectors of xxHash64 with seed 0.
  @ParameterizedTest
  @CsvSource({
    "'', ef46db3751d8e999",
    "a, d24ec4f1a98c6e5b",
    "abc, 44bc2cf5ad770999",
    "Nobody inspects the spammish repetition, fbcea83c8a378bf1",
  })
  void hashesAsPublished(String text, String hash) {
    assertThat(RoutingBuckets.hash(text.getBytes(StandardCharsets.UTF_8)))
        .isEqualTo(Long.parseUnsignedLong(hash, 16));
  }

  @Test
  void aMillionKeysFillEveryShareEvenly() {
    int keys = 1_000_000;
    int[] counts = new int[10_000];
    for (int i = 0; i < keys; i++) {
      counts[RoutingBuckets.of("m-17", "user-" + i)]++;
    }
    long below = 0;
    for (int basisPoints = 1; basisPoints <= counts.length; basisPoints++) {
      below += counts[basisPoints - 1];
      // Who is in at one share is in at every larger one, since a bucket is compared with the
      // share.
      assertThat(100.0 * below / keys).isCloseTo(basisPoints / 100.0, within(0.15));
    }
  }

  @Test
  void anotherMigrationShufflesTheKeys() {
    int both = 0;
    for (int i = 0; i < 100_000; i++) {
      if (RoutingBuckets.of("m-1", "user-" + i) < 1000
          && RoutingBuckets.of("m-2", "user-" + i) < 1000) {
        both++;
      }
    }
    assertThat(both).isBetween(900, 1100);
  }

  private static org.assertj.core.data.Offset<Double> within(double points) {
    return org.assertj.core.data.Offset.offset(points);
  }
}
