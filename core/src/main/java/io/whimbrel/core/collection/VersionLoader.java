package io.whimbrel.core.collection;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/// Brings the index of a version to what the store holds, in one pass over the stored vectors.
///
/// An index from a file knows the vectors up to a sequence number. A stored vector carries that of
/// its write: an older one that the index has is the same; a newer or unknown one is put in; what
/// the index has beyond the stored ones was deleted since. So no log of changes is needed, and how
/// old the file is does not matter.
final class VersionLoader {
  private final LiveVersion version;
  private final long fileSeq;
  private final long seq;

  /// Rows of the index that are stored too, by ordinal.
  private final BitSet kept = new BitSet();

  private long replaced;

  /// Thrown when the index from the file cannot be what it claims to be.
  static final class Doubt extends Exception {
    private static final long serialVersionUID = 1;

    Doubt(String message) {
      super(message);
    }

    Doubt(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /// @param fileSeq changes up to this one are in the index; 0 for an empty index
  /// @param seq the last change of the store
  VersionLoader(LiveVersion version, long fileSeq, long seq) throws Doubt {
    if (version.points() != version.live()) {
      throw new Doubt("it has " + version.live() + " vectors of " + version.points() + " points");
    }
    this.version = version;
    this.fileSeq = fileSeq;
    this.seq = seq;
  }

  /// Takes a stored vector: little-endian floats, and the sequence number they were written with.
  void take(long internalId, long rowSeq, ByteBuffer values) throws Doubt {
    int ordinal = version.ordinal(internalId);
    if (ordinal >= 0 && rowSeq <= fileSeq) {
      kept.set(ordinal);
      return;
    }
    if (rowSeq <= fileSeq) {
      throw new Doubt("it lacks a vector of write " + rowSeq);
    }
    if (ordinal >= 0) {
      version.remove(internalId, seq);
      replaced++;
    }
    kept.set(version.load(internalId, values));
  }

  /// Removes what is not stored any more and publishes; returns how many vectors of the file were
  /// replaced or removed.
  long finish() throws Doubt {
    List<Long> stale = new ArrayList<>();
    version.forEachLive((internalId, ordinal) -> {
      // A replaced one is shown still, in its old row.
      if (!kept.get(ordinal) && version.ordinal(internalId) == ordinal) {
        stale.add(internalId);
      }
    });
    if (!stale.isEmpty() && fileSeq >= seq) {
      throw new Doubt("it has " + stale.size() + " vectors that are not stored");
    }
    stale.forEach(internalId -> version.remove(internalId, seq));
    version.publish(seq);
    return replaced + stale.size();
  }
}
