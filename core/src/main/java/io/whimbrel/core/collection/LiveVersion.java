package io.whimbrel.core.collection;

import com.carrotsearch.hppc.LongIntHashMap;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.store.PointRecord;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;

/// The searchable copy of one version of a vector field.
///
/// One writer (the sequencer, or recovery before it starts), any number of readers without locks.
/// Rows are appended and tombstoned; when tombstones outnumber live rows the writer copies the live
/// rows into a new generation and readers move over with their next search.
public final class LiveVersion implements AutoCloseable {
  private final PointRecord.VectorRef ref;
  private final EmbeddingSpec spec;
  private final String spaceId;
  private volatile Generation generation;

  /// One index; `ordinals` finds the row of an internal id, which is the label of the row, and
  /// belongs to the writer.
  private record Generation(VectorIndex index, LongIntHashMap ordinals) {
    Generation(VectorIndex index) {
      this(index, new LongIntHashMap());
    }
  }

  public LiveVersion(PointRecord.VectorRef ref, EmbeddingSpec spec, Kernels kernels) {
    this.ref = ref;
    this.spec = spec;
    this.spaceId = spec.spaceId();
    this.generation = new Generation(new FlatIndex(spec.dimension(), spec.metric(), kernels));
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
    current.ordinals.put(internalId, current.index.add(values, internalId));
  }

  /// Adds a vector from the store, as little-endian floats.
  void load(long internalId, ByteBuffer values) {
    Generation current = generation;
    current.ordinals.put(internalId, current.index.add(values, internalId));
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
    if (current.index instanceof FlatIndex flat && flat.wantsCompaction()) {
      LongIntHashMap ordinals = new LongIntHashMap(current.ordinals.size());
      generation = new Generation(flat.compacted(seq, ordinals::put), ordinals);
      flat.close();
    }
  }

  /// The best of the index, labelled with internal ids. Fails with UNAVAILABLE when the version is
  /// closed.
  TopK search(float[] query, SearchParams params, BooleanSupplier cancelled) {
    while (true) {
      Generation current = generation;
      try {
        return current.index.search(query, params, cancelled);
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
    return generation.index.bytes();
  }

  @Override
  public void close() {
    generation.index.close();
  }
}
