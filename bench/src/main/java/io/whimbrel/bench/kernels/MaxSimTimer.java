package io.whimbrel.bench.kernels;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;

/// Times float32 MaxSim of a panel of query tokens and a document of one length. One thread.
final class MaxSimTimer implements AutoCloseable {
  /// Query tokens.
  static final int QUERIES = MaxSimKernels.PANEL;

  /// Document tokens: with the panel, 100 KiB at 128 values.
  static final int TOKENS = 180;

  private final int dimension;
  private final int stride;
  private final Region panel;
  private final Region rows;
  private final float[] best = new float[QUERIES];

  /// @param dimension a multiple of 16
  MaxSimTimer(int dimension) {
    this.dimension = dimension;
    this.stride = dimension * Float.BYTES;
    this.panel = Region.shared((long) QUERIES * stride);
    this.rows = Region.shared((long) TOKENS * stride);
    Random random = new Random(1);
    for (Region region : new Region[] {panel, rows}) {
      for (long at = 0; at < region.bytes(); at += Float.BYTES) {
        region.segment().set(ValueLayout.JAVA_FLOAT, at, random.nextFloat() - 0.5f);
      }
    }
  }

  /// Nanoseconds a document token.
  double nanos(Kernels kernels) {
    MaxSimKernels maxSim = kernels.maxSim();
    return RowTimer.nanos(
        TOKENS,
        () -> {
          Arrays.fill(best, Float.NEGATIVE_INFINITY);
          maxSim.maxFloat(panel.segment(), rows.segment(), 0, TOKENS, stride, dimension, best);
        });
  }

  @Override
  public void close() {
    panel.close();
    rows.close();
  }
}
