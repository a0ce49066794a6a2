package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Compares one quantised query with quantised rows: sums of products of small whole numbers.
///
/// Row `r` starts at byte `offset + r * strideBytes` of `rows`; the results of `count` rows go to
/// `out[outAt]` and after. Every sum is exact. What a sum means is the business of the codec that
/// made the codes. All segments are lent and little-endian. Fast on 64-byte lines, right on any
/// alignment. No allocation. Any thread.
///
/// The layout of a query says how it meets the codes in a register; it is the same for every width.
/// The Vector API does not reach the byte dot product of AVX-512 VNNI, so a query is prepared such
/// that a lane needs the fewest operations.
public interface CodeKernels {
  ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// Codes in one block of [#dotInt8].
  int INT8_BLOCK = 64;

  /// What keeps a sum of two products of [#dotInt8] from 0 to 65535.
  int INT8_BIAS = 32_767;

  /// Codes in one block of [#dotInt4].
  int INT4_BLOCK = 128;

  /// Values in one block of [#dotBits].
  int BITS_BLOCK = 64;

  /// Bit planes of a query of [#dotBits]: its values are 0 to 15.
  int PLANES = 4;

  /// Rows that [#lookup64] scores at once.
  int LOOKUP_ROWS = 64;

  /// Entries of one table of [#lookup64]: one for each value of a group of six bits.
  int LOOKUP_ENTRIES = 64;

  /// The largest entry of a table of [#lookup64]: two of them fit a byte.
  int LOOKUP_ENTRY_MAX = 127;

  /// Groups whose largest sum still fits 16 bits, a multiple of 4.
  int LOOKUP_GROUPS_MAX = 516;

  /// Sums of `code * query` over codes from 0 to 255 and query values from -128 to 127.
  ///
  /// A row is `paddedDim` bytes, a multiple of [#INT8_BLOCK], zero beyond its values. The query is
  /// what [#packInt8] makes. 65,536 products fit an int.
  void dotInt8(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      int[] out,
      int outAt);

  /// Sums of `code * query` over codes from 0 to 15 and query values from 0 to 255.
  ///
  /// A row is `paddedDim / 2` bytes, `paddedDim` a multiple of [#INT4_BLOCK]: value `2i` in the low
  /// half of byte `i`, value `2i + 1` in its high half. The query is what [#packInt4] makes.
  void dotInt4(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      int[] out,
      int outAt);

  /// Sums of the query values from 0 to 15 whose code is 1.
  ///
  /// A row is `paddedDim / 64` longs, bit `i % 64` of long `i / 64` being code `i`. The query is
  /// [#PLANES] longs for each long of a row: plane `p` has bit `p` of its 64 values.
  void dotBits(
      MemorySegment query,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      int[] out,
      int outAt);

  /// Sums of table entries for 64 rows at once: `out[outAt + r]` is the sum over all groups of the
  /// entry that row `r` names, an unsigned short.
  ///
  /// `tables` is `[groups][64]` bytes from 0 to [#LOOKUP_ENTRY_MAX]; `groups` is a multiple of 4,
  /// at most [#LOOKUP_GROUPS_MAX]. Four groups of `codes` take three planes of 64 bytes, in which
  /// byte `p` belongs to row `p / 2 + 32 * (p % 2)`: the low six bits of the planes are the codes
  /// of groups 0, 1 and 2; the top two bits of each, from the lowest, are the code of group 3.
  ///
  /// Below 512 bits this runs in plain Java: the tables do not fit one register.
  ///
  /// Source: FastScan, André, Kermarrec and Le Scouarnec 2015, with 64 entries a table, since the
  /// byte shuffle of AVX-512 VBMI looks up six bits.
  void lookup64(
      MemorySegment tables, MemorySegment codes, long offset, int groups, short[] out, int outAt);

  /// Bytes of a query of [#dotInt8].
  static int int8QueryBytes(int paddedDim) {
    return 3 * paddedDim + INT8_BLOCK;
  }

  /// Bytes of a query of [#dotInt4].
  static int int4QueryBytes(int paddedDim) {
    return 2 * paddedDim;
  }

  /// Writes a query of [#dotInt8] of `values.length` values, a multiple of [#INT8_BLOCK].
  ///
  /// With codes `c` and values `q` of two neighbours, `x = c0 + 256 c1` is what a 16-bit lane reads
  /// of a row, and modulo 2^16
  ///
  /// `x q0 + (x >> 8) (q1 - 256 q0) - 128 (q0 + q1) + 32767 = (c0 - 128) q0 + (c1 - 128) q1 +
  /// 32767`
  ///
  /// which is never below 0 nor above 65535: exact without a mask, and two products in one lane. A
  /// block is three runs of 32 shorts, entry `j` of each for the pair `j`: `q0`; `q1 - 256 q0`;
  /// `32767 - 128 (q0 + q1)`. After the blocks comes an int, which turns the sum of all lanes into
  /// the sum of `c q`, modulo 2^32.
  static void packInt8(int[] values, MemorySegment query) {
    int offset = 0;
    for (int block = 0; block < values.length; block += INT8_BLOCK) {
      long at = 3L * block;
      for (int i = block; i < block + INT8_BLOCK; i += 2, at += 2) {
        int even = values[i];
        int odd = values[i + 1];
        query.set(SHORT, at, (short) even);
        query.set(SHORT, at + INT8_BLOCK, (short) (odd - 256 * even));
        query.set(SHORT, at + 2 * INT8_BLOCK, (short) (INT8_BIAS - 128 * (even + odd)));
        offset += 128 * (even + odd) - INT8_BIAS;
      }
    }
    query.set(INT, 3L * values.length, offset);
  }

  /// Writes a query of [#dotInt4] of `values.length` values, a multiple of [#INT4_BLOCK].
  ///
  /// A 32-bit lane reads eight codes of a row, `n0` to `n7`, as two halves of 16 bits; `xt` be both
  /// halves shifted right by `4 t` each. With values `q0` to `q7` and `bt = (qt - 16 q(t-1)) 2^16 +
  /// q(t+4) - 16 q(t+3)`, where the values before `q0` and `q4` count as 0,
  ///
  /// `x0 b0 + x1 b1 + x2 b2 + x3 b3 = (n0 q0 + ... + n7 q7) 2^16 + n0 q4 + ... + n3 q7`
  ///
  /// modulo 2^32: what a shift leaves of the next code is taken off by the next term, so no code is
  /// masked, and the upper half is the sum of eight products. A block is four runs of 16 ints,
  /// entry `j` of run `t` being `bt` of the lane `j`.
  static void packInt4(int[] values, MemorySegment query) {
    for (int block = 0; block < values.length; block += INT4_BLOCK) {
      for (int lane = 0; lane < 16; lane++) {
        int first = block + 8 * lane;
        for (int t = 0; t < 4; t++) {
          int upper = values[first + t] - (t > 0 ? 16 * values[first + t - 1] : 0);
          int lower = values[first + t + 4] - (t > 0 ? 16 * values[first + t + 3] : 0);
          query.set(INT, 2L * block + 64 * t + 4 * lane, (upper << 16) + lower);
        }
      }
    }
  }
}
