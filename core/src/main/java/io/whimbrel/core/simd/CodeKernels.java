package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;

/// Compares one quantised query with quantised rows: sums of products of small whole numbers.
///
/// Row `r` starts at byte `offset + r * strideBytes` of `rows`; the results of `count` rows go to
/// `out[outAt]` and after. Every sum is exact. What a sum means is the business of the codec that
/// made the codes. All segments are lent and little-endian. Fast on 64-byte lines, right on any
/// alignment. No allocation. Any thread.
///
/// The layout of a query says how it meets the codes in a register; it is the same for every width.
public interface CodeKernels {
  /// Codes in one block of [#dotInt8].
  int INT8_BLOCK = 64;

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

  /// Sums of `code * query` over codes and query values from 0 to 255.
  ///
  /// A row is `paddedDim` bytes, a multiple of [#INT8_BLOCK], zero beyond its values. The query is
  /// `paddedDim` shorts: for each block the 32 values of even index, then the 32 of odd index. A
  /// result is an unsigned int: 65,536 * 255 * 255 is below 2^32.
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
  /// half of byte `i`, value `2i + 1` in its high half. The query is `paddedDim` shorts: each block
  /// is four runs of 32, entry `j` of run `t` being value `4j + t` of the block.
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
}
