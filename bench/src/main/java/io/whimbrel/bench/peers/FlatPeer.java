package io.whimbrel.bench.peers;

import io.whimbrel.core.index.FlatIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.simd.KernelProvider;
import io.whimbrel.core.simd.Kernels;
import java.util.Locale;
import java.util.Objects;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Whimbrel's exact search: the speed of no graph at all.
final class FlatPeer implements Peer {
  private final Kernels kernels = KernelProvider.best();
  private @Nullable FlatIndex index;
  private String storage = "";

  @Override
  public void build(Setup setup, IntConsumer progress) {
    FloatRows base = setup.base();
    FlatIndex built = new FlatIndex(base.dimension(), setup.metric(), setup.storage(), kernels);
    storage = setup.storage().name().toLowerCase(Locale.ROOT);
    index = built;
    float[] row = new float[base.dimension()];
    for (int i = 0; i < base.count(); i++) {
      base.copy(i, row);
      built.add(row, i);
      progress.accept(i + 1);
    }
    built.publish(1);
  }

  @Override
  public Searcher searcher() {
    FlatIndex built = Objects.requireNonNull(index);
    return (query, ef, k, out, at) -> {
      TopK best = built.search(query, SearchParams.of(k), () -> false);
      for (int rank = 0; rank < best.count(); rank++) {
        out[at + rank] = best.ordinal(rank);
      }
    };
  }

  @Override
  public long residentBytes(long heapGrowth) {
    return Objects.requireNonNull(index).bytes();
  }

  @Override
  public String note() {
    return "exact, " + storage + ", " + kernels.describe();
  }

  @Override
  public void close() {
    if (index != null) {
      index.close();
    }
  }
}
