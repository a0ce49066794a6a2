package io.whimbrel.client.migration;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.Metric;
import io.whimbrel.client.internal.XxHash64;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Numbers of the table in docs/MIGRATION.md and of the reference library, version 0.8.1. */
class RoutingPolicyTest {
  @ParameterizedTest
  @CsvSource({
    "m-1, user-1, 2816",
    "m-1, user-2, 5221",
    "m-17, tenant/42, 8358",
    "m-17, gr\u00f6\u00dfe, 9982",
    "'', '', 7544",
  })
  void bucketsAreThoseThatArePublished(String salt, String key, int bucket) {
    assertThat(RoutingPolicy.bucket(salt, key)).isEqualTo(bucket);
  }

  @ParameterizedTest
  @CsvSource({
    "0, ef46db3751d8e999",
    "3, b6e6c910c2fd373a",
    "4, 22eda2cf6af4c124",
    "7, 34084d91a233a751",
    "8, c6f1803a5e0b3222",
    "12, 9178b724dce384c0",
    "31, 6ab1c40e29f50073",
    "32, 5a0756fbe9ecd3d1",
    "33, dc50cdc37bb9c183",
    "63, 10dd94885c71894a",
    "64, 90083da9cdb9d795",
    "65, 38824dea10bf4e5d",
  })
  void everyLengthIsHashedAsTheReferenceDoes(int length, String hash) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) (i * 7 + 1);
    }
    assertThat(XxHash64.hash(bytes)).isEqualTo(Long.parseUnsignedLong(hash, 16));
  }

  @Test
  void aMillionKeysFillEveryShareAndNoneFlipsBack() {
    int keys = 1_000_000;
    int[] shares = {1, 100, 1_000, 2_000, 5_000, 9_900, 10_000};
    int[] counts = new int[shares.length];
    for (int i = 0; i < keys; i++) {
      int bucket = RoutingPolicy.bucket("m-17", "user-" + i);
      boolean before = false;
      for (int s = 0; s < shares.length; s++) {
        boolean in = bucket < shares[s];
        if (before && !in) {
          throw new AssertionError("user-" + i + " flips back at " + shares[s]);
        }
        before = in;
        counts[s] += in ? 1 : 0;
      }
    }
    for (int s = 0; s < shares.length; s++) {
      assertThat(100.0 * counts[s] / keys - shares[s] / 100.0).isBetween(-0.15, 0.15);
    }
  }

  @Test
  void picksByBucketAndShare() {
    EmbeddingSpec spec = EmbeddingSpec.builder(2, Metric.DOT).build();
    for (int share : new int[] {0, 2_816, 2_817, 10_000}) {
      RoutingPolicy policy =
          new RoutingPolicy(
              "docs",
              "default",
              3,
              "m-1",
              share,
              1,
              2,
              List.of(
                  new RoutingPolicy.Version(1, spec, true, "a", 2),
                  new RoutingPolicy.Version(2, spec, true, "b", 2)),
              Duration.ofSeconds(30),
              "m-1");
      assertThat(policy.pick("user-1").number()).isEqualTo(share > 2_816 ? 2 : 1);
    }
  }
}
