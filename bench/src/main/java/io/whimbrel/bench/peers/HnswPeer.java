package io.whimbrel.bench.peers;

import io.whimbrel.core.hnsw.HnswIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import java.util.Locale;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Whimbrel's graph, as a collection uses it: rows are added, published and then linked.
final class HnswPeer implements Peer {
  private final Kernels kernels = KernelProvider.best();
  private @Nullable HnswIndex index;
  private String note = "";

  @Override
  public void build(Setup setup, IntConsumer progress) {
    FloatRows base = setup.base();
    IndexSpec.Hnsw spec = new IndexSpec.Hnsw(setup.m(), setup.efConstruction());
    HnswIndex built =
        new HnswIndex(base.dimension(), setup.metric(), setup.storage(), spec, kernels);
    index = built;
    float[] row = new float[base.dimension()];
    for (int i = 0; i < base.count(); i++) {
      base.copy(i, row);
      built.add(row, i);
    }
    built.publish(1);
    while (built.work(Integer.MAX_VALUE)) {
      progress.accept(base.count() - built.pending());
    }
    note =
        String.format(
            Locale.ROOT,
            "graph, %s, m %d, ef_construction %d, %s",
            setup.storage().name().toLowerCase(Locale.ROOT),
            spec.m(),
            spec.efConstruction(),
            kernels.describe());
  }

  @Override
  public Searcher searcher() {
    HnswIndex built = Objects.requireNonNull(index);
    return (query, ef, k, out, at) -> {
      TopK best = built.search(query, SearchParams.of(k).withEf(ef), () -> false);
      for (int rank = 0; rank < best.count(); rank++) {
        out[at + rank] = Math.toIntExact(best.label(rank));
      }
    };
  }

  @Override
  public long residentBytes(long heapGrowth) {
    return Objects.requireNonNull(index).bytes();
  }

  @Override
  public String note() {
    return note;
  }

  @Override
  public void close() {
    if (index != null) {
      index.close();
    }
  }
}
