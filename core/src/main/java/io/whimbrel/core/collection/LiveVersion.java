package io.whimbrel.core.collection;

import com.carrotsearch.hppc.LongIntHashMap;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.store.PointRecord;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.BooleanSupplier;

/// The searchable copy of one version of a vector field.
///
/// One writer (the sequencer, or recovery before it starts), any number of readers without locks.
/// Rows are appended and tombstoned; when tombstones outnumber live rows the writer copies the live
/// rows into a new generation and readers move over with their next search.
public final class LiveVersion implements AutoCloseable {
  /// Below this many tombstones copying is not worth it.
  private static final int TOMBSTONES_MIN = 4096;

  private final PointRecord.VectorRef ref;
  private final EmbeddingSpec spec;
  private final String spaceId;
  private final Kernels kernels;
  private volatile Generation generation;

  /// One index with the translation of its ordinals. `ordinals` belongs to the writer;
  /// `internalIds` is written before the index publishes the ordinal, so a reader that got an
  /// ordinal from a search finds its entry.
  private static final class Generation {
    final FlatIndex index;
    final LongIntHashMap ordinals = new LongIntHashMap();
    volatile long[] internalIds = new long[64];

    Generation(FlatIndex index) {
      this.index = index;
    }

    void name(int ordinal, long internalId) {
      if (ordinal == internalIds.length) {
        internalIds = Arrays.copyOf(internalIds, 2 * internalIds.length);
      }
      internalIds[ordinal] = internalId;
      ordinals.put(internalId, ordinal);
    }
  }

  /// What a search found: internal ids with their scores, best first.
  ///
  /// @param seq writes up to this sequence number were visible
  record Candidates(long[] internalIds, float[] scores, long seq) {
    int count() {
      return internalIds.length;
    }
  }

  public LiveVersion(PointRecord.VectorRef ref, EmbeddingSpec spec, Kernels kernels) {
    this.ref = ref;
    this.spec = spec;
    this.spaceId = spec.spaceId();
    this.kernels = kernels;
    this.generation = newGeneration();
  }

  private Generation newGeneration() {
    return new Generation(new FlatIndex(spec.dimension(), spec.metric(), kernels));
  }

  PointRecord.VectorRef ref() {
    return ref;
  }

  EmbeddingSpec spec() {
    return spec;
  }

  /// [EmbeddingSpec#spaceId], computed once.
  String spaceId() {
    return spaceId;
  }

  /// Adds or replaces the vector of a point; visible after the next [#publish].
  void put(long internalId, float[] values, long seq) {
    remove(internalId, seq);
    Generation current = generation;
    current.name(current.index.add(values), internalId);
  }

  /// Adds a vector from the store, as little-endian floats.
  void load(long internalId, ByteBuffer values) {
    Generation current = generation;
    current.name(current.index.add(values), internalId);
  }

  void remove(long internalId, long seq) {
    Generation current = generation;
    int slot = current.ordinals.indexOf(internalId);
    if (slot >= 0) {
      current.index.remove(current.ordinals.indexGet(slot), seq);
      current.ordinals.indexRemove(slot);
    }
  }

  /// Makes every change so far visible as of `seq`.
  void publish(long seq) {
    Generation current = generation;
    current.index.publish(seq);
    int tombstones = current.index.rows() - current.ordinals.size();
    if (tombstones > Math.max(TOMBSTONES_MIN, current.ordinals.size())) {
      generation = compacted(current, seq);
      current.index.close();
    }
  }

  private Generation compacted(Generation current, long seq) {
    Generation compacted = newGeneration();
    float[] row = new float[spec.dimension()];
    for (int ordinal = 0; ordinal < current.index.rows(); ordinal++) {
      if (current.index.isLive(ordinal)) {
        current.index.copyRow(ordinal, row);
        compacted.name(compacted.index.addStored(row), current.internalIds[ordinal]);
      }
    }
    compacted.index.publish(seq);
    return compacted;
  }

  /// The `k` best. Fails with UNAVAILABLE when the version is closed.
  Candidates search(float[] query, int k, double scoreThreshold, BooleanSupplier cancelled) {
    while (true) {
      Generation current = generation;
      try {
        TopK top = current.index.search(query, k, scoreThreshold, cancelled);
        long[] names = current.internalIds;
        long[] internalIds = new long[top.count()];
        float[] scores = new float[top.count()];
        for (int rank = 0; rank < internalIds.length; rank++) {
          internalIds[rank] = names[top.ordinal(rank)];
          scores[rank] = top.score(rank);
        }
        return new Candidates(internalIds, scores, top.seq());
      } catch (WhimbrelException e) {
        // A generation closed under us by compaction has a successor; a closed version has none.
        if (e.code() != ErrorCode.UNAVAILABLE || generation == current) {
          throw e;
        }
      }
    }
  }

  long live() {
    return generation.index.live();
  }

  double coverage() {
    return generation.index.coverage();
  }

  long bytes() {
    Generation current = generation;
    return current.index.bytes() + Long.BYTES * (long) current.internalIds.length;
  }

  @Override
  public void close() {
    generation.index.close();
  }
}
