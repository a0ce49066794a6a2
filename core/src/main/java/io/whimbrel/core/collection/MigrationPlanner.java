package io.whimbrel.core.collection;

import io.whimbrel.core.migration.Derivation;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.LegacyWrite;
import io.whimbrel.core.model.MigrationPlan;
import io.whimbrel.core.model.MigrationSpec;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PayloadCodec;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.VectorRecord;
import io.whimbrel.core.store.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Checks what a migration asks for, and estimates what it would cost. Any thread; changes nothing.
final class MigrationPlanner {
  /// Points looked at for an estimate.
  private static final int SAMPLE_POINTS = 1_000;

  /// Rows of the backlog, changed point records and the change log, for each point.
  private static final long ROW_BYTES = 128;

  /// A graph's row beside the vector: codes, factors and numbers of its neighbours.
  private static final double GRAPH_FACTOR = 2.2;

  /// A prefix with less of the vectors' length than this share of it was not trained to stand
  /// alone.
  private static final double ENERGY_MIN_FACTOR = 1.1;

  private final Store store;

  MigrationPlanner(Store store) {
    this.store = store;
  }

  /// Refuses what no migration of the field can be. Whether the spec can be served at all is the
  /// engine's to say.
  static void check(LiveCollection.LiveField field, MigrationSpec spec) {
    if (spec.legacyWrite() == LegacyWrite.EMBED || spec.legacyWrite() == LegacyWrite.BRIDGE) {
      throw WhimbrelException.unimplemented(
          "legacy_write", spec.legacyWrite(), "ENQUEUE or REJECT");
    }
    EmbeddingSpec from = field.writeVersion().spec();
    if (spec.to().origin() == Origin.DERIVED) {
      Derivation.between(from, spec.to());
      if (from.equals(spec.to()) || sameVersion(from, spec.to())) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "to",
            "the same as the present version",
            "another dimension, metric, storage or index");
      }
    } else {
      MigrationSteps.checkSpec(field, spec.to());
    }
  }

  private static boolean sameVersion(EmbeddingSpec from, EmbeddingSpec to) {
    return from.spaceId().equals(to.spaceId())
        && from.metric() == to.metric()
        && from.storage() == to.storage()
        && from.keepOriginals() == to.keepOriginals()
        && from.index().equals(to.index());
  }

  MigrationPlan plan(LiveCollection collection, LiveCollection.LiveField field, MigrationSpec spec)
      throws StorageException {
    check(field, spec);
    List<String> warnings = new ArrayList<>();
    EmbeddingSpec to = spec.to();
    LiveVersion from = field.writeVersion();
    long points = collection.totals().vectorsOf(from.ref()).count();
    boolean derived = to.origin() == Origin.DERIVED;
    double factor = to.index() instanceof IndexSpec.Hnsw ? GRAPH_FACTOR : 1;
    List<String> sourceFields =
        to.sourceFields().isEmpty() ? from.spec().sourceFields() : to.sourceFields();
    Sample sample = sample(collection, from, to, derived, sourceFields);
    double rows = rows(from.spec(), to, sample);
    long vectorBytes =
        (long)
            (points
                * (VectorRecord.HEADER_BYTES
                    + rows * to.dimension() * (to.keepOriginals() ? Float.BYTES : 1)));
    double rowBytes = rows * to.dimension() * (to.storage() == Storage.INT8 ? 1 : Float.BYTES);
    if (to.cardinality() == Cardinality.MULTI && from.spec().cardinality() == Cardinality.SINGLE) {
      warnings.add("how many tokens a point will have is not known: sizes are those of one token each");
    }
    long sourceBytes =
        derived || sample.points == 0 ? 0 : sample.sourceBytes * points / sample.points;
    if (!derived && sourceFields.isEmpty()) {
      warnings.add(
          "no source_fields: a change of content is seen by content_version or by the vector only,"
              + " and workers get the whole payload");
    }
    if (!derived && sample.points > sample.withSource && !sourceFields.isEmpty()) {
      warnings.add(
          "%d of %d sampled points have none of the source fields %s: workers must fetch their text themselves"
              .formatted(sample.points - sample.withSource, sample.points, sourceFields));
    }
    if (!derived && to.dimension() == from.spec().dimension()) {
      warnings.add(
          "both versions have %d dimensions: vectors and queries need their space_id, or they count as the old version's"
              .formatted(to.dimension()));
    }
    if (derived && sample.vectors > 0 && to.dimension() < from.spec().dimension()) {
      double share = (double) to.dimension() / from.spec().dimension();
      double energy = sample.energy / sample.vectors;
      if (energy < ENERGY_MIN_FACTOR * share) {
        warnings.add(
            "the first %d of %d values hold %.0f %% of the length, no more than their share: the model does not look"
                    .formatted(to.dimension(), from.spec().dimension(), 100 * energy)
                + " trained for truncation; evaluate before you switch");
      }
    }
    long diskBytes = store.diskBytes();
    // The compaction of one level may hold its input and output at once.
    long peak = diskBytes + 2 * vectorBytes + points * ROW_BYTES;
    long free = store.freeBytes();
    if (peak - diskBytes > free) {
      warnings.add(
          "the disk has %d bytes free, up to %d more may be needed on the way"
              .formatted(free, peak - diskBytes));
    }
    try {
      MigrationSteps.refuseSecond(collection, field);
    } catch (WhimbrelException e) {
      warnings.add(String.valueOf(e.getMessage()));
    }
    return new MigrationPlan(
        points,
        derived ? 0 : points,
        vectorBytes,
        (long) (factor * rowBytes * points),
        peak,
        free,
        sourceBytes,
        from.inputSpaceId(),
        to.spaceId(),
        warnings);
  }

  /// Vectors of a point of the new version, in the mean.
  private static double rows(EmbeddingSpec from, EmbeddingSpec to, Sample sample) {
    if (to.cardinality() == Cardinality.SINGLE || sample.points == 0) {
      return 1;
    }
    double rows = (double) sample.rows / sample.points;
    int pooled = to.index() instanceof IndexSpec.MultiVector(_, int poolFactor) ? poolFactor : 1;
    int before = from.index() instanceof IndexSpec.MultiVector(_, int poolFactor) ? poolFactor : 1;
    return Math.max(1, rows * before / pooled);
  }

  private static final class Sample {
    long points;
    long rows;
    long withSource;
    long sourceBytes;
    long vectors;
    double energy;
  }

  private Sample sample(
      LiveCollection collection,
      LiveVersion from,
      EmbeddingSpec to,
      boolean derived,
      List<String> sourceFields)
      throws StorageException {
    Sample sample = new Sample();
    try (View view = store.view();
        Scan scan =
            view.scan(
                Table.VECTORS,
                Keys.vector(collection.number(), from.ref().field(), from.ref().version(), 0),
                Keys.vector(
                    collection.number(), from.ref().field(), from.ref().version() + 1, 0))) {
      while (sample.points < SAMPLE_POINTS && scan.advance()) {
        sample.points++;
        long internalId = Keys.internalIdOf(scan.key());
        int valueBytes = from.form().floats(scan.value()).remaining();
        sample.rows += valueBytes / Float.BYTES / from.spec().dimension();
        if (derived && to.dimension() < from.spec().dimension()) {
          float[] values = from.form().decode(scan.value());
          sample.energy += Derivation.between(from.spec(), to).energy(values);
          sample.vectors++;
        }
        byte[] row =
            view.get(Table.POINTS, Keys.point(collection.number(), internalId))
                .orElseThrow(() -> new StorageException("a vector belongs to no point"));
        Map<String, Value> payload = new HashMap<>(PointRecord.decode(row).decodePayload());
        if (!sourceFields.isEmpty()) {
          payload.keySet().retainAll(sourceFields);
        }
        if (!payload.isEmpty()) {
          sample.withSource++;
          sample.sourceBytes += PayloadCodec.encode("payload", payload).length;
        }
      }
    }
    return sample;
  }
}
