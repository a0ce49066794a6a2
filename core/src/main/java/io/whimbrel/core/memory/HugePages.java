package io.whimbrel.core.memory;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Anonymous memory in transparent huge pages. The system must be asked before the first touch, and
/// `Arena.allocate` touches everything to zero it; hence `mmap` and `madvise`, called directly. A
/// mapping is zeroed by the kernel.
final class HugePages {
  static final long PAGE_BYTES = 2L << 20;

  // The same on x86-64 and aarch64 Linux.
  private static final int PROT_READ_WRITE = 0x1 | 0x2;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x02 | 0x20;
  private static final int MADV_HUGEPAGE = 14;
  private static final long MAP_FAILED = -1;

  private static final Path SETTING = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");

  private HugePages() {}

  /// Maps `bytes` in whole huge pages that are given back when `arena` closes. Empty where the
  /// block is too small to gain, or where the system or the flags of the JVM do not allow it.
  static Optional<MemorySegment> map(long bytes, Arena arena) {
    if (bytes < PAGE_BYTES) {
      return Optional.empty();
    }
    return Calls.LINUX.flatMap(calls -> calls.map(bytes, arena));
  }

  /// What the system says about huge pages, for an operator.
  static String describe() {
    try {
      return "huge pages " + Files.readString(SETTING).strip();
    } catch (IOException e) {
      return "no huge pages on this system";
    }
  }

  private record Calls(MethodHandle mmap, MethodHandle madvise, MethodHandle munmap) {
    // Initialised with the first big block, since setting up the linker costs tens of milliseconds.
    static final Optional<Calls> LINUX = find();

    private static Optional<Calls> find() {
      if (!System.getProperty("os.name").equals("Linux")) {
        return Optional.empty();
      }
      try {
        Linker linker = Linker.nativeLinker();
        SymbolLookup libc = linker.defaultLookup();
        return Optional.of(
            new Calls(
                linker.downcallHandle(
                    libc.findOrThrow("mmap"),
                    FunctionDescriptor.of(
                        ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG)),
                linker.downcallHandle(
                    libc.findOrThrow("madvise"),
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)),
                linker.downcallHandle(
                    libc.findOrThrow("munmap"),
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG))));
      } catch (IllegalCallerException | UnsupportedOperationException refused) {
        // Native access is denied to this application, or there is no linker: small pages do as
        // well, only slower.
        return Optional.empty();
      }
    }

    Optional<MemorySegment> map(long bytes, Arena arena) {
      // One page more than asked, so that a boundary of a huge page lies within.
      long mapped = Math.ceilDiv(bytes, PAGE_BYTES) * PAGE_BYTES + PAGE_BYTES;
      MemorySegment base;
      try {
        base =
            (MemorySegment)
                mmap.invokeExact(
                    MemorySegment.NULL, mapped, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
      } catch (Throwable impossible) {
        throw new AssertionError("mmap throws nothing", impossible);
      }
      if (base.address() == MAP_FAILED) {
        return Optional.empty();
      }
      MemorySegment whole = base.reinterpret(mapped, arena, this::unmap);
      long skipped = -base.address() & (PAGE_BYTES - 1);
      MemorySegment aligned = whole.asSlice(skipped, mapped - PAGE_BYTES);
      advise(aligned);
      return Optional.of(aligned.asSlice(0, bytes));
    }

    private void advise(MemorySegment segment) {
      try {
        // Only advice: a kernel without huge pages says no, and the memory is as good.
        int _ = (int) madvise.invokeExact(segment, segment.byteSize(), MADV_HUGEPAGE);
      } catch (Throwable impossible) {
        throw new AssertionError("madvise throws nothing", impossible);
      }
    }

    private void unmap(MemorySegment segment) {
      int result;
      try {
        result = (int) munmap.invokeExact(segment, segment.byteSize());
      } catch (Throwable impossible) {
        throw new AssertionError("munmap throws nothing", impossible);
      }
      if (result != 0) {
        throw new IllegalStateException("munmap of " + segment.byteSize() + " bytes failed");
      }
    }
  }
}
