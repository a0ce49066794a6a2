package io.whimbrel.core.collection;

import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.VectorRecord;
import java.nio.ByteBuffer;
import java.util.Optional;

/// What the content of a stored point is, under the rules of a migration; see [ContentHash].
final class Contents {
  private final Vectors vectors;

  /// Reads a row of `VECTORS`.
  @FunctionalInterface
  interface Vectors {
    Optional<byte[]> read(int collection, PointRecord.VectorRef ref, long internalId)
        throws StorageException;
  }

  Contents(Vectors vectors) {
    this.vectors = vectors;
  }

  /// What the point's content is now, see [ContentHash].
  long hash(int collection, LiveCollection.Moving moving, long internalId, PointRecord point)
      throws StorageException {
    long hash = namedHash(moving, point);
    return hash != 0 ? hash : vectorHash(collection, moving, internalId);
  }

  /// The hash of the payload or of the content's name; 0 when the vector decides.
  static long namedHash(LiveCollection.Moving moving, PointRecord point) throws StorageException {
    return moving.migration().derived()
        ? 0
        : ContentHash.of(moving.sourceFields(), point.decodePayload(), point.contentVersion());
  }

  /// The hash of the vector that came with the last write of the field: the old version's, unless
  /// only the new one's was given since.
  private long vectorHash(int collection, LiveCollection.Moving moving, long internalId)
      throws StorageException {
    Optional<byte[]> from = vectors.read(collection, moving.from().ref(), internalId);
    Optional<byte[]> to =
        moving.migration().derived()
            ? Optional.empty()
            : vectors.read(collection, moving.to().ref(), internalId);
    boolean newer =
        to.isPresent()
            && isWritten(to.get())
            && (from.isEmpty() || !isWritten(from.get()) || seq(from.get()) < seq(to.get()));
    if (newer) {
      return ContentHash.ofVector(moving.to().form().decode(ByteBuffer.wrap(to.get())));
    }
    return from.isPresent()
        ? ContentHash.ofVector(moving.from().form().decode(ByteBuffer.wrap(from.get())))
        : 0;
  }

  private static boolean isWritten(byte[] row) throws StorageException {
    return VectorRecord.sourceOf(ByteBuffer.wrap(row)) != VectorRecord.Source.BACKFILL;
  }

  private static long seq(byte[] row) {
    return VectorRecord.seqOf(ByteBuffer.wrap(row));
  }
}
