package io.whimbrel.core.simd.panama;

import io.whimbrel.core.simd.KernelProvider;
import jdk.incubator.vector.VectorShape;

/// The width of the registers of all kernels here.
///
/// It is a constant of the loaded classes, because C2 turns vectors into registers only when it
/// knows their species. Tests load the package once more for each width they force.
final class Width {
  static final VectorShape SHAPE =
      shape(System.getProperty(KernelProvider.PROPERTY, KernelProvider.AUTO));

  private Width() {}

  private static VectorShape shape(String wanted) {
    return switch (wanted) {
      case KernelProvider.AUTO -> widest();
      case "512" -> VectorShape.S_512_BIT;
      case "256" -> VectorShape.S_256_BIT;
      case "128" -> VectorShape.S_128_BIT;
      default ->
          throw new IllegalArgumentException(
              KernelProvider.PROPERTY + ": " + wanted + " (expected: auto, scalar, 512, 256, 128)");
    };
  }

  private static VectorShape widest() {
    VectorShape preferred = VectorShape.preferredShape();
    return preferred.vectorBitSize() > 512 ? VectorShape.S_512_BIT : preferred;
  }
}
