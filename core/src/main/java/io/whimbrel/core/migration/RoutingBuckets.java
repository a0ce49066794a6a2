package io.whimbrel.core.migration;

import io.whimbrel.core.model.RoutingPolicy;
import java.nio.charset.StandardCharsets;
import net.jpountz.xxhash.XXHash64;
import net.jpountz.xxhash.XXHashFactory;

/// Which bucket of 10,000 a routing key falls into.
///
/// The bucket is xxHash64 (seed 0) of the salt, a zero byte and the key, both in UTF-8, unsigned,
/// modulo 10,000. Clients compute the same; the vectors of the test are published for them. The
/// salt is the migration's id, so that a key that is early in one migration is not early in every
/// one.
public final class RoutingBuckets {
  private static final XXHash64 HASH = XXHashFactory.safeInstance().hash64();
  private static final long SEED = 0;

  private RoutingBuckets() {}

  /// The bucket of `key`, 0 to 9,999.
  public static int of(String salt, String key) {
    return (int)
        Long.remainderUnsigned(
            hash((salt + '\0' + key).getBytes(StandardCharsets.UTF_8)), RoutingPolicy.BUCKETS);
  }

  /// xxHash64 with seed 0.
  public static long hash(byte[] bytes) {
    return HASH.hash(bytes, 0, bytes.length, SEED);
  }
}
