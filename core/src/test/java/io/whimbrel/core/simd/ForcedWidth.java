package io.whimbrel.core.simd;

import io.whimbrel.core.simd.panama.PanamaKernels;
import java.io.IOException;
import java.io.InputStream;

/// Loads the vector kernels once more, with another width than the machine's: the width is a
/// constant of the classes of their package.
final class ForcedWidth extends ClassLoader {
  private static final String PACKAGE = PanamaKernels.class.getPackageName() + ".";

  private ForcedWidth() {
    super(ForcedWidth.class.getClassLoader());
  }

  static Kernels kernels(int bits) {
    String before = System.setProperty(KernelProvider.PROPERTY, Integer.toString(bits));
    try {
      Class<?> copy = new ForcedWidth().loadClass(PanamaKernels.class.getName());
      return (Kernels) copy.getConstructor().newInstance();
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    } finally {
      if (before == null) {
        System.clearProperty(KernelProvider.PROPERTY);
      } else {
        System.setProperty(KernelProvider.PROPERTY, before);
      }
    }
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(PACKAGE)) {
      return super.loadClass(name, resolve);
    }
    Class<?> loaded = findLoadedClass(name);
    return loaded != null ? loaded : define(name);
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    String file = name.substring(PACKAGE.length()) + ".class";
    try (InputStream in = PanamaKernels.class.getResourceAsStream(file)) {
      byte[] bytes = in.readAllBytes();
      return defineClass(name, bytes, 0, bytes.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }
}
