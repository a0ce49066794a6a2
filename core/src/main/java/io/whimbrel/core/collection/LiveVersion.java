package io.whimbrel.core.collection;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.MultiVectorHits;
import io.whimbrel.core.index.MultiVectorIndex;
import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.maxsim.MaxSimIndex;
import io.whimbrel.core.migration.Derivation;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.IdSet;
import io.whimbrel.core.store.PointRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// The searchable copy of one version of a vector field.
///
/// One writer (the sequencer, or recovery before it starts), any number of readers without locks,
/// and background workers that only call [#work]. A `FlatIndex` that is mostly tombstones is copied
/// by the writer into a new generation, and readers move over with their next search.
public final class LiveVersion implements AutoCloseable {
  private final String title;
  private final PointRecord.VectorRef ref;
  private final EmbeddingSpec spec;
  private final String spaceId;
  private final Optional<Input> input;
  private final VectorForm form;
  private volatile Generation generation;

  /// Puts and removes so far. Of the writer; published with the index.
  private long changesMade;

  private volatile long changes;

  /// Why the index is being built anew; empty when it is not.
  private volatile String rebuilding = "";

  /// Why background work failed; empty while it did not.
  private volatile String failure = "";

  /// Why the last save failed; empty when it did not.
  private volatile String saveFailure = "";

  /// What clients send for a derived version.
  private record Input(EmbeddingSpec spec, String spaceId, Derivation derivation) {
    static Input of(EmbeddingSpec spec, EmbeddingSpec derived) {
      return new Input(spec, spec.spaceId(), Derivation.between(spec, derived));
    }
  }

  /// One index; `ordinals` finds the row of an internal id, which is the label of the row.
  private record Generation(VectorIndex index, OrdinalMap ordinals) {
    static Generation of(VectorIndex index) {
      OrdinalMap ordinals = new OrdinalMap(index.live());
      index.forEachLive(ordinals::put);
      return new Generation(index, ordinals);
    }
  }

  /// Takes the index over. `title` names the version in logs.
  LiveVersion(String title, PointRecord.VectorRef ref, EmbeddingSpec spec, VectorIndex index) {
    this(title, ref, spec, Optional.empty(), index);
  }

  /// `inputSpec` is what clients send, when the version is derived from it.
  LiveVersion(
      String title,
      PointRecord.VectorRef ref,
      EmbeddingSpec spec,
      Optional<EmbeddingSpec> inputSpec,
      VectorIndex index) {
    this.input = inputSpec.map(source -> Input.of(source, spec));
    this.title = title;
    this.ref = ref;
    this.spec = spec;
    this.spaceId = spec.spaceId();
    this.form = VectorForm.of(spec);
    this.generation = Generation.of(index);
  }

  /// Names the version in logs.
  String title() {
    return title;
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

  boolean isDerived() {
    return input.isPresent();
  }

  /// What clients send: the version's own spec unless it is derived.
  EmbeddingSpec inputSpec() {
    return input.map(Input::spec).orElse(spec);
  }

  /// The space of what clients send.
  String inputSpaceId() {
    return input.map(Input::spaceId).orElse(spaceId);
  }

  /// Whether a vector of that space is one of this version, as it is or after derivation.
  boolean takesSpace(String otherSpaceId) {
    return otherSpaceId.equals(spaceId) || otherSpaceId.equals(inputSpaceId());
  }

  /// Whether a vector that does not name its space can be one of this version.
  boolean takesDimension(int dimension) {
    return dimension == spec.dimension() || dimension == inputSpec().dimension();
  }

  /// Whether the vector names a space of this version, or names none and has one of its dimensions.
  boolean takes(Vector vector) {
    return vector.spaceId().isEmpty()
        ? takesDimension(vector.dimension())
        : takesSpace(vector.spaceId());
  }

  /// Whether the server has to compute the version's vector from this one. A vector of the
  /// version's own space stays as it is.
  boolean derivesFrom(Vector vector) {
    return input.isPresent()
        && (vector.spaceId().isEmpty()
            ? vector.dimension() == inputSpec().dimension()
            : vector.spaceId().equals(inputSpaceId()));
  }

  /// The version's vector for one of its input space.
  float[] derive(float[] values) {
    return input.isPresent() ? input.get().derivation().apply(values) : values;
  }

  /// The version's query for one of its input space.
  float[] deriveQuery(float[] values) {
    return input.isPresent() ? input.get().derivation().applyToQuery(values) : values;
  }

  /// How its vectors lie in the store.
  VectorForm form() {
    return form;
  }

  /// Adds or replaces the vector of a point; visible after the next [#publish].
  void put(long internalId, float[] values, long seq) {
    removeRow(internalId, seq);
    Generation current = generation;
    current.ordinals.put(internalId, current.index.add(values, internalId));
    changesMade++;
  }

  /// Adds a vector from the store, as little-endian floats; returns its row.
  int load(long internalId, ByteBuffer values) {
    Generation current = generation;
    int ordinal = current.index.add(values, internalId);
    current.ordinals.put(internalId, ordinal);
    changesMade++;
    return ordinal;
  }

  /// Takes an index over in place of the present one, which is closed. Before anybody searches.
  void replaceIndex(VectorIndex index) {
    VectorIndex before = generation.index;
    generation = Generation.of(index);
    before.close();
    changesMade = 0;
  }

  /// Points that have a vector here, published or not. Writer.
  int points() {
    return generation.ordinals.size();
  }

  /// Row of a point; -1 when it has no vector here. Writer.
  int ordinal(long internalId) {
    return generation.ordinals.get(internalId);
  }

  /// Writer. Tells internal id and row of every vector.
  void forEachLive(VectorIndex.LiveRow row) {
    generation.index.forEachLive(row);
  }

  /// Writes what is published to a file; see [Indexes#save].
  void save(Path file, String identity) throws IOException {
    Indexes.save(generation.index, file, identity);
  }

  /// The last publish.
  long seq() {
    return generation.index.seq();
  }

  void remove(long internalId, long seq) {
    if (removeRow(internalId, seq)) {
      changesMade++;
    }
  }

  private boolean removeRow(long internalId, long seq) {
    Generation current = generation;
    int ordinal = current.ordinals.remove(internalId);
    if (ordinal < 0) {
      return false;
    }
    current.index.remove(ordinal, seq);
    return true;
  }

  /// Makes every change so far visible as of `seq`.
  void publish(long seq) {
    generation.index.publish(seq);
    generation.ordinals.published();
    changes = changesMade;
  }

  /// Writer, with nothing unpublished. Copies an index that is mostly tombstones.
  void tidy() {
    Generation current = generation;
    if (current.index instanceof FlatIndex flat && flat.wantsCompaction()) {
      generation = Generation.of(flat.compacted(flat.seq()));
      flat.close();
    } else if (current.index instanceof MaxSimIndex tokens && tokens.wantsCompaction()) {
      generation = Generation.of(tokens.compacted(tokens.seq()));
      tokens.close();
    }
  }

  /// What the last publish shows, labelled with internal ids, held still for one thread; no publish
  /// may happen meanwhile. Fails with UNAVAILABLE when the version is closed.
  Reader reader() {
    while (true) {
      Generation current = generation;
      try {
        VectorIndex.Reader rows = current.index.reader();
        return new Reader(rows, current.ordinals.lookup());
      } catch (WhimbrelException e) {
        // A generation closed under us by compaction has a successor; a closed version has none.
        if (e.code() != ErrorCode.UNAVAILABLE || generation == current) {
          throw e;
        }
      }
    }
  }

  /// One publish of the version; closed by its user.
  record Reader(VectorIndex.Reader rows, OrdinalMap.Lookup ordinals) implements AutoCloseable {
    TopK search(float[] query, SearchParams params, BooleanSupplier cancelled) {
      return rows.search(query, params, cancelled);
    }

    /// Of a version of many vectors a point.
    MultiVectorHits search(float[] query, MultiVectorParams params, BooleanSupplier cancelled) {
      if (rows instanceof MultiVectorIndex.MatrixReader matrices) {
        return matrices.search(query, params, cancelled);
      }
      throw new IllegalStateException(
          "a search of matrices (expected: of a version of cardinality MULTI)");
    }

    /// The points of `ids`, all of which have a vector in this publish.
    AcceptBits accept(IdSet ids) {
      return AcceptBits.ofLabels(
          ids.lookup(), (int) Math.min(ids.count(), Integer.MAX_VALUE - 1), () -> rowsOf(ids));
    }

    private AcceptBits rowsOf(IdSet ids) {
      BitSet found = new BitSet();
      ids.forEach(id -> {
        int ordinal = ordinals.newest(id);
        while (ordinal >= 0 && rows.isLater(ordinal)) {
          ordinal = ordinals.before(ordinal);
        }
        if (ordinal >= 0) {
          found.set(ordinal);
        }
      });
      return AcceptBits.of(found);
    }

    @Override
    public void close() {
      rows.close();
    }
  }

  /// Does one piece of background work; see [VectorIndex#work].
  boolean work(int rowsMax) {
    return generation.index.work(rowsMax);
  }

  /// Internal ids of points that no walk finds; see [VectorIndex#unreachable].
  long[] unreachable() {
    return generation.index.unreachable();
  }

  /// Whether the index has background work at all.
  boolean worksInBackground() {
    return !(spec.index() instanceof IndexSpec.Flat);
  }

  int pending() {
    return generation.index.pending();
  }

  /// Puts and removes that searches see, since the version was opened.
  long changes() {
    return changes;
  }

  /// Says in the status why the index is built anew, until that is done.
  void rebuilding(String reason) {
    rebuilding = reason;
  }

  /// Says in the status that background work failed; it is not tried again before the next open.
  void failed(String reason) {
    failure = reason;
  }

  /// Says in the status that the last save failed; empty once one did not.
  void saveFailed(String reason) {
    saveFailure = reason;
  }

  boolean hasFailed() {
    return !failure.isEmpty();
  }

  /// What is wrong with the index or being mended, for an operator; else empty.
  String note() {
    if (hasFailed()) {
      return failure;
    }
    if (!rebuilding.isEmpty() && pending() > 0) {
      return "rebuilding: " + rebuilding;
    }
    if (saveFailure.isEmpty() && generation.index instanceof MaxSimIndex tokens) {
      return tokens.note();
    }
    return saveFailure;
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
