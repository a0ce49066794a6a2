package io.whimbrel.core.simd;

import java.lang.foreign.MemorySegment;

/// Scores 32 query tokens at once against rows of document tokens, and keeps for each query token
/// the best: the inner loops of late interaction.
///
/// A *panel* is 32 query tokens side by side, so that one load serves one value of all of them;
/// fewer tokens are filled up with zeros. A longer query is several panels, one call each. `best`
/// has one entry for each token of the panel, which a call raises and never lowers: a document in
/// pieces is a call for each piece, and the caller begins with the lowest value there is. Rows lie
/// `strideBytes` apart from byte `offset` of `rows` on.
///
/// All segments are lent and little-endian. Fast on 64-byte lines, right on any alignment. Any
/// thread. Sums of whole numbers are exact and the same on every machine; float32 sums are in an
/// order of the kernel's own and differ by at most `1e-7 * dim` times the sum of the absolute
/// products.
public interface MaxSimKernels {
  /// Query tokens in a panel.
  int PANEL = 32;

  /// Codes in a block of [#maxInt8].
  int INT8_BLOCK = 64;

  /// The largest product of the norms of a query and of a row of [#maxInt8], as codes.
  int INT8_NORMS_MAX = 32_767;

  /// Signs in a block of [#maxBits].
  int BITS_BLOCK = 64;

  /// Signs that choose one row of a table of [#maxBits], and the rows they choose from.
  int BITS_GROUP = 4;

  int BITS_ROWS = 1 << BITS_GROUP;

  /// The largest entry of a table of [#maxBits]: eight of them fit a byte.
  int BITS_ENTRY_MAX = 31;

  /// The most signs of a row of [#maxBits] whose sum fits 15 bits.
  int BITS_MAX = 4096;

  /// Inner products with float32 rows of `dim` values. The panel is `[dim][32]` float32.
  void maxFloat(
      MemorySegment panel,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int dim,
      float[] best);

  /// Inner products with rows of codes from -127 to 127, times the scale of each row.
  ///
  /// A row is `paddedDim` bytes, a multiple of [#INT8_BLOCK], zero beyond its values; its scale is
  /// the float32 at `scalesAt + 4 * row` of `scales`. The panel is `[paddedDim][32]` shorts.
  ///
  /// The Euclidean norms of a query token and of a row, as codes, must multiply to at most
  /// [#INT8_NORMS_MAX]; else the result is arbitrary.
  void maxInt8(
      MemorySegment panel,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int paddedDim,
      MemorySegment scales,
      long scalesAt,
      float[] best);

  /// Sums of the table rows that the signs of a row choose, four signs a table.
  ///
  /// A row is `signs / 8` bytes, `signs` a multiple of [#BITS_BLOCK] and at most [#BITS_MAX]; bit
  /// `i % 8` of byte `i / 8` is sign `i`. `tables` is `[signs / 4][16][32]` bytes from 0 to
  /// [#BITS_ENTRY_MAX]. Entry `s` of `best` is that of token `2s` below 16, else of token `2s -
  /// 31`.
  void maxBits(
      MemorySegment tables,
      MemorySegment rows,
      long offset,
      int count,
      int strideBytes,
      int signs,
      short[] best);

  /// Scores documents whose tokens are numbers of table rows: for each document the sum over all
  /// query tokens of the best entry.
  ///
  /// `tables` is `[panels][tableRows][32]` signed bytes. Document `d` of `count` has the ids from
  /// `starts[first + d]` to before `starts[first + d + 1]`, at least one, unsigned 16-bit, that of
  /// `starts[first]` at byte `offset` of `ids`. Its score goes to `out[outAt + d]`.
  void scanIds(
      MemorySegment tables,
      int panels,
      int tableRows,
      MemorySegment ids,
      long offset,
      int[] starts,
      int first,
      int count,
      int[] out,
      int outAt);

  /// Finds for each token of a panel of `[dim][32]` float32 the row of largest inner product: that
  /// and the row's number go to `best` and `rowOf`, where they are larger than what is there. Rows
  /// are float32, numbered from `firstRow`; of equal ones the first, up to rounding.
  void nearest(
      MemorySegment panel,
      MemorySegment rows,
      int firstRow,
      int count,
      int strideBytes,
      int dim,
      float[] best,
      int[] rowOf);

  /// Fills `[count][32]` signed bytes from byte `outAt` of `out` on with the inner products of a
  /// panel of `[dim][32]` float32 and float32 rows, times `scale` and rounded; they must fit.
  void fillTable(
      MemorySegment panel,
      MemorySegment rows,
      int count,
      int strideBytes,
      int dim,
      float scale,
      MemorySegment out,
      long outAt);
}
