package io.whimbrel.core.simd;

import io.whimbrel.core.simd.panama.PanamaKernels;
import java.io.IOException;
import java.io.InputStream;

/// Loads the vector kernels once more, with another width than the machine's: the width is a
/// constant of the class.
final class ForcedWidth extends ClassLoader {
  private ForcedWidth() {
    super(ForcedWidth.class.getClassLoader());
  }

  static Kernels kernels(int bits) {
    String name = PanamaKernels.class.getName();
    String before = System.setProperty(KernelProvider.PROPERTY, Integer.toString(bits));
    try (InputStream in = PanamaKernels.class.getResourceAsStream("PanamaKernels.class")) {
      byte[] bytes = in.readAllBytes();
      Class<?> copy = new ForcedWidth().defineClass(name, bytes, 0, bytes.length);
      return (Kernels) copy.getConstructor().newInstance();
    } catch (IOException | ReflectiveOperationException e) {
      throw new AssertionError(e);
    } finally {
      if (before == null) {
        System.clearProperty(KernelProvider.PROPERTY);
      } else {
        System.setProperty(KernelProvider.PROPERTY, before);
      }
    }
  }
}
