package io.whimbrel.core.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.memory.Region;
import io.whimbrel.core.testing.Seeds;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every kernel over codes, at every width, against sums over the values that the layouts hold.
final class CodeKernelsOracleTest {
  private static final List<Kernels> ALL =
      List.of(
          new ScalarKernels(),
          ForcedWidth.kernels(128),
          ForcedWidth.kernels(256),
          ForcedWidth.kernels(512));

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int ROWS = 7;

  // Blocks of 64 and 128 with one less and one more, real dimensions, and where sums of bits leave
  // 16 bits.
  private static final int[] DIMS = {
    1, 2, 63, 64, 65, 127, 128, 129, 200, 384, 544, 768, 1089, 1536, 2177, 4096, 4097, 4400
  };

  private enum Values {
    RANDOM,
    LARGEST,
    LEAST,
    ZERO,
    ENDS;

    int next(Random random, int min, int max) {
      return switch (this) {
        case RANDOM -> random.nextInt(min, max + 1);
        case LARGEST -> max;
        case LEAST -> min;
        case ZERO -> 0;
        case ENDS -> random.nextBoolean() ? max : min;
      };
    }

    int[] next(Random random, int min, int max, int dim) {
      return IntStream.generate(() -> next(random, min, max)).limit(dim).toArray();
    }
  }

  static Stream<Arguments> cases() {
    return ALL.stream()
        .flatMap(kernels ->
            IntStream.of(DIMS)
                .boxed()
                .flatMap(
                    dim -> Arrays.stream(Values.values()).map(v -> Arguments.of(kernels, dim, v))));
  }

  /// One of the three kernels over rows, with the layouts as its contract says them, value by
  /// value.
  private enum Kind {
    INT8(255, -128, 127, CodeKernels.INT8_BLOCK) {
      @Override
      void putCode(MemorySegment row, int i, int code) {
        row.set(ValueLayout.JAVA_BYTE, i, (byte) code);
      }

      @Override
      void putQuery(MemorySegment query, int[] values) {
        CodeKernels.packInt8(values, query);
      }

      @Override
      int queryBytes(int padded) {
        return CodeKernels.int8QueryBytes(padded);
      }

      @Override
      int rowBytes(int padded) {
        return padded;
      }

      @Override
      void run(
          CodeKernels k, MemorySegment q, MemorySegment rows, Place at, int padded, int[] out) {
        k.dotInt8(q, rows, at.offset, ROWS, at.stride, padded, out, at.outAt);
      }
    },
    INT4(15, 0, 255, CodeKernels.INT4_BLOCK) {
      @Override
      void putCode(MemorySegment row, int i, int code) {
        int both = row.get(ValueLayout.JAVA_BYTE, i / 2) | code << 4 * (i % 2);
        row.set(ValueLayout.JAVA_BYTE, i / 2, (byte) both);
      }

      @Override
      void putQuery(MemorySegment query, int[] values) {
        CodeKernels.packInt4(values, query);
      }

      @Override
      int queryBytes(int padded) {
        return CodeKernels.int4QueryBytes(padded);
      }

      @Override
      int rowBytes(int padded) {
        return padded / 2;
      }

      @Override
      void run(
          CodeKernels k, MemorySegment q, MemorySegment rows, Place at, int padded, int[] out) {
        k.dotInt4(q, rows, at.offset, ROWS, at.stride, padded, out, at.outAt);
      }
    },
    BITS(1, 0, 15, CodeKernels.BITS_BLOCK) {
      @Override
      void putCode(MemorySegment row, int i, int code) {
        long word = row.get(LONG, i / 64 * 8L);
        row.set(LONG, i / 64 * 8L, word | (long) code << i % 64);
      }

      @Override
      void putQuery(MemorySegment query, int[] values) {
        for (int i = 0; i < values.length; i++) {
          for (int plane = 0; plane < 4; plane++) {
            long at = (i / 64 * 4L + plane) * 8;
            long word = query.get(LONG, at);
            query.set(LONG, at, word | (values[i] >> plane & 1L) << i % 64);
          }
        }
      }

      @Override
      int queryBytes(int padded) {
        return padded / 2;
      }

      @Override
      int rowBytes(int padded) {
        return padded / 8;
      }

      @Override
      void run(
          CodeKernels k, MemorySegment q, MemorySegment rows, Place at, int padded, int[] out) {
        k.dotBits(q, rows, at.offset, ROWS, at.stride, padded, out, at.outAt);
      }
    };

    final int codeMax;
    final int queryMin;
    final int queryMax;
    final int block;

    Kind(int codeMax, int queryMin, int queryMax, int block) {
      this.codeMax = codeMax;
      this.queryMin = queryMin;
      this.queryMax = queryMax;
      this.block = block;
    }

    abstract void putCode(MemorySegment row, int i, int code);

    abstract void putQuery(MemorySegment query, int[] values);

    abstract int queryBytes(int padded);

    abstract int rowBytes(int padded);

    abstract void run(
        CodeKernels k, MemorySegment q, MemorySegment rows, Place at, int padded, int[] out);
  }

  private record Place(long offset, int stride, int outAt) {}

  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithPlainSums(Kernels kernels, int dim, Values values) {
    for (Kind kind : Kind.values()) {
      Random random = Seeds.random(kind + kernels.describe() + dim + values);
      int[] query = values.next(random, kind.queryMin, kind.queryMax, dim);
      // The least of a query is to meet the largest code too.
      Values codes = values == Values.LEAST ? Values.LARGEST : values;
      int[][] rows =
          Stream.generate(() -> codes.next(random, 0, kind.codeMax, dim))
              .limit(ROWS)
              .toArray(int[][]::new);
      // Aligned and dense, then with a gap between the rows and a start off the line.
      compare(kernels.codes(), kind, query, rows, 0, 0, 0);
      compare(kernels.codes(), kind, query, rows, 192, 64, 3);
      compare(kernels.codes(), kind, query, rows, 3, 5, 1);
    }
  }

  private static void compare(
      CodeKernels kernels, Kind kind, int[] query, int[][] rows, int offset, int gap, int outAt) {
    int dim = query.length;
    int padded = Math.ceilDiv(dim, kind.block) * kind.block;
    int rowBytes = kind.rowBytes(padded);
    Place place = new Place(offset, rowBytes + gap, outAt);
    try (Region queryRegion = Region.confined(kind.queryBytes(padded));
        Region rowRegion = Region.shared(offset + (long) place.stride * ROWS)) {
      kind.putQuery(queryRegion.segment(), Arrays.copyOf(query, padded));
      // What lies between the rows must not count.
      rowRegion.segment().fill((byte) 0x7f);
      for (int r = 0; r < ROWS; r++) {
        MemorySegment row =
            rowRegion.segment().asSlice(offset + (long) r * place.stride, rowBytes).fill((byte) 0);
        for (int i = 0; i < dim; i++) {
          kind.putCode(row, i, rows[r][i]);
        }
      }
      int[] out = new int[outAt + ROWS + 2];
      Arrays.fill(out, -42);
      kind.run(kernels, queryRegion.segment(), rowRegion.segment(), place, padded, out);
      int[] expected = new int[out.length];
      Arrays.fill(expected, -42);
      for (int r = 0; r < ROWS; r++) {
        int[] row = rows[r];
        expected[outAt + r] = IntStream.range(0, dim).map(i -> row[i] * query[i]).sum();
      }
      assertThat(out).as(kind.toString()).isEqualTo(expected);
    }
  }

  static Stream<Kernels> all() {
    return ALL.stream();
  }

  @ParameterizedTest
  @MethodSource("all")
  void theLargestSumsFitAnInt(Kernels kernels) {
    int dim = 65_536;
    try (Region query = Region.confined(CodeKernels.int8QueryBytes(dim));
        Region row = Region.confined(dim)) {
      row.segment().fill((byte) 255);
      int[] values = new int[dim];
      int[] out = new int[1];
      for (int value : new int[] {-128, 127}) {
        Arrays.fill(values, value);
        CodeKernels.packInt8(values, query.segment());
        kernels.codes().dotInt8(query.segment(), row.segment(), 0, 1, dim, dim, out, 0);
        assertThat(out[0]).isEqualTo(65_536 * 255 * value);
      }
      Arrays.fill(values, 255);
      CodeKernels.packInt4(values, query.segment());
      kernels.codes().dotInt4(query.segment(), row.segment(), 0, 1, dim / 2, dim, out, 0);
      assertThat(out[0]).isEqualTo(65_536 * 255 * 15);
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void looksUpWhatEachRowNames(Kernels kernels) {
    int[] groupCounts = {4, 8, 12, 64, 172, CodeKernels.LOOKUP_GROUPS_MAX};
    List<IntUnaryOperator> entries =
        List.of(i -> i * 31 % 128, i -> CodeKernels.LOOKUP_ENTRY_MAX, i -> 0, i -> i % 2 * 127);
    for (int groups : groupCounts) {
      for (IntUnaryOperator entry : entries) {
        Random random = Seeds.random("lookup " + kernels.describe() + groups);
        for (int offset : new int[] {0, 64, 7}) {
          lookUp(kernels.codes(), random, groups, entry, offset);
        }
      }
    }
  }

  private static void lookUp(
      CodeKernels kernels, Random random, int groups, IntUnaryOperator entry, int offset) {
    int[][] codes =
        Stream.generate(() -> Values.RANDOM.next(random, 0, 63, groups))
            .limit(64)
            .toArray(int[][]::new);
    try (Region tables = Region.confined(groups * 64L);
        Region packed = Region.confined(offset + groups * 48L)) {
      for (int i = 0; i < groups * 64; i++) {
        tables.segment().set(ValueLayout.JAVA_BYTE, i, (byte) entry.applyAsInt(i));
      }
      int[] sums = new int[64];
      for (int r = 0; r < 64; r++) {
        int place = r < 32 ? 2 * r : 2 * (r - 32) + 1;
        for (int g = 0; g < groups; g++) {
          sums[r] += entry.applyAsInt(g * 64 + codes[r][g]);
          for (int bit = 0; bit < 6; bit++) {
            int plane = g % 4 < 3 ? g % 4 : bit / 2;
            int at = g % 4 < 3 ? bit : 6 + bit % 2;
            long address = offset + g / 4 * 192L + plane * 64L + place;
            int old = packed.segment().get(ValueLayout.JAVA_BYTE, address);
            int bits = old | (codes[r][g] >> bit & 1) << at;
            packed.segment().set(ValueLayout.JAVA_BYTE, address, (byte) bits);
          }
        }
      }
      short[] out = new short[1 + 64 + 1];
      Arrays.fill(out, (short) 42);
      kernels.lookup64(tables.segment(), packed.segment(), offset, groups, out, 1);
      assertThat(out[0]).isEqualTo((short) 42);
      assertThat(out[65]).isEqualTo((short) 42);
      assertThat(IntStream.range(0, 64).map(r -> out[1 + r] & 0xffff).toArray()).isEqualTo(sums);
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void refusesRowsBeyondTheSegment(Kernels kernels) {
    CodeKernels codes = kernels.codes();
    try (Region region = Region.confined(256);
        Region packed = Region.confined(CodeKernels.int8QueryBytes(128))) {
      MemorySegment query = packed.segment();
      MemorySegment rows = region.segment().asSlice(0, 100);
      int[] out = new int[2];
      List<Runnable> calls =
          List.of(
              () -> codes.dotInt8(query, rows, 0, 2, 64, 64, out, 0),
              () -> codes.dotInt4(query, rows, 0, 2, 64, 128, out, 0),
              () -> codes.dotBits(query, rows, 0, 2, 96, 64, out, 0),
              () -> codes.dotBits(query, rows, 0, 4, 32, 128, new int[4], 0),
              () -> codes.lookup64(query, rows, 0, 4, new short[64], 0));
      for (Runnable call : calls) {
        assertThatThrownBy(call::run).isInstanceOf(IndexOutOfBoundsException.class);
      }
    }
  }
}
