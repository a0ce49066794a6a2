package io.whimbrel.client.migration;

import io.whimbrel.client.EmbeddingSpec;
import io.whimbrel.client.internal.XxHash64;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * Who is answered by which version of a field.
 *
 * @param salt the id of the migration; empty without one
 * @param basisPoints share of the buckets that {@code toVersion} answers, of 10,000
 * @param toVersion the same as {@code fromVersion} without a migration
 * @param versions the versions that take writes or answer reads
 * @param ttl how long the policy may be used without asking again
 */
public record RoutingPolicy(
    String collection,
    String field,
    long epoch,
    String salt,
    int basisPoints,
    int fromVersion,
    int toVersion,
    List<Version> versions,
    Duration ttl,
    String migrationId) {
  /** The number of buckets. */
  public static final int BUCKETS = 10_000;

  public RoutingPolicy {
    versions = List.copyOf(versions);
  }

  /**
   * A version.
   *
   * @param inputSpaceId of the vectors that clients send: the version's own space, unless the
   *     server derives its vectors and queries from another version's
   * @param inputDimension values of such a vector
   */
  public record Version(
      int number,
      EmbeddingSpec spec,
      boolean takesWrites,
      String inputSpaceId,
      int inputDimension) {}

  /** The version that answers {@code routingKey}: equal keys are answered alike. */
  public Version pick(String routingKey) {
    int number = bucket(salt, routingKey) < basisPoints ? toVersion : fromVersion;
    return versions.stream()
        .filter(version -> version.number() == number)
        .findFirst()
        .orElseThrow(
            () -> new IllegalStateException("the policy names version " + number + " only"));
  }

  /**
   * xxHash64 (seed 0) of the salt, a zero byte and the key in UTF-8, modulo 10,000. A key that is
   * below some share is below every greater one.
   */
  public static int bucket(String salt, String routingKey) {
    byte[] bytes = (salt + '\0' + routingKey).getBytes(StandardCharsets.UTF_8);
    return (int) Long.remainderUnsigned(XxHash64.hash(bytes), BUCKETS);
  }
}
