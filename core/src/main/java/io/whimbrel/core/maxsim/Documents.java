package io.whimbrel.core.maxsim;

import io.whimbrel.core.index.Tombstones;
import io.whimbrel.core.memory.RowChunks;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/// The documents of an index in order of ordinals: labels, deaths, and for every token its signs
/// and its finest form.
///
/// One thread appends; any number of threads read documents that were published to them, and their
/// tokens, which never change.
final class Documents implements AutoCloseable {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  final int dimension;
  final TokenStore tokens;
  final RowChunks signs;
  final Tombstones tombstones = new Tombstones();

  /// First token of each document, and of the next one. Replaced by a longer copy when full; an
  /// entry is written before its document is published.
  private volatile int[] starts = new int[64];

  private volatile long[] labels = new long[64];

  /// Writer only.
  private int count;

  Documents(int dimension, Storage storage) {
    this.dimension = dimension;
    this.tokens = TokenStore.of(storage, dimension);
    this.signs = new RowChunks(signBits() / Byte.SIZE);
  }

  /// Signs of a token in whole blocks of the kernel.
  int signBits() {
    return Math.ceilDiv(dimension, MaxSimKernels.BITS_BLOCK) * MaxSimKernels.BITS_BLOCK;
  }

  /// Documents appended so far. Writer only.
  int count() {
    return count;
  }

  int[] starts() {
    return starts;
  }

  int start(int document) {
    return starts[document];
  }

  int length(int document) {
    int[] seen = starts;
    return seen[document + 1] - seen[document];
  }

  long label(int document) {
    return labels[document];
  }

  /// Memory that every search reads. Writer only.
  long hotBytes() {
    return signs.bytes()
        + tombstones.bytes()
        + (long) starts.length * Integer.BYTES
        + (long) labels.length * Long.BYTES;
  }

  /// Appends `values`, whole tokens. Writer only.
  int append(float[] values, long label) {
    int length = values.length / dimension;
    begin(length, label);
    float[] row = new float[dimension];
    for (int at = 0; at < values.length; at += dimension) {
      tokens.append(values, at);
      // Signs are those of what is stored, so that a copy of the index has the same ones.
      tokens.decode(signs.rows(), 1, row);
      appendSigns(row);
    }
    return end();
  }

  /// Appends a document of another index as it is stored there. Writer only.
  int append(Documents other, int document) {
    int start = other.start(document);
    int length = other.length(document);
    begin(length, other.label(document));
    ByteBuffer token = ByteBuffer.allocate(tokenBytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < length; i++) {
      other.put(start + i, token.clear());
      append(token.flip());
    }
    return end();
  }

  /// Bytes of a token in [#put].
  int tokenBytes() {
    return signs.strideBytes() + tokens.tokenBytes();
  }

  /// Writes a token to the position of `out`, as it is stored: signs, values, scale.
  void put(int token, ByteBuffer out) {
    int bytes = signs.strideBytes();
    MemorySegment.copy(
        signs.segment(token), signs.offset(token), MemorySegment.ofBuffer(out), 0, bytes);
    out.position(out.position() + bytes);
    tokens.put(token, out);
  }

  /// Appends a token that [#put] wrote. Writer only.
  void append(ByteBuffer token) {
    int row = signs.reserve();
    int bytes = signs.strideBytes();
    MemorySegment.copy(
        MemorySegment.ofBuffer(token), 0, signs.segment(row), signs.offset(row), bytes);
    token.position(token.position() + bytes);
    signs.commit();
    tokens.append(token);
  }

  /// Begins a document of `length` tokens, which are appended before its [#end]. Writer only.
  void begin(int length, long label) {
    int tokensBefore = starts[count];
    if ((long) tokensBefore + length > RowChunks.ROWS_MAX) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED,
          "tokens",
          (long) tokensBefore + length,
          "at most " + RowChunks.ROWS_MAX + " in an index");
    }
    if (count + 2 > starts.length) {
      starts = Arrays.copyOf(starts, 2 * starts.length);
    }
    if (count == labels.length) {
      labels = Arrays.copyOf(labels, 2 * count);
    }
    starts[count + 1] = tokensBefore + length;
    labels[count] = label;
  }

  /// Ends the document begun last and returns its ordinal. Writer only.
  int end() {
    return count++;
  }

  private void appendSigns(float[] row) {
    int index = signs.reserve();
    MemorySegment segment = signs.segment(index);
    long at = signs.offset(index);
    for (int from = 0; from < dimension; from += Long.SIZE) {
      long word = 0;
      for (int i = from; i < Math.min(dimension, from + Long.SIZE); i++) {
        word |= row[i] > 0 ? 1L << i : 0;
      }
      segment.set(LONG, at + from / Byte.SIZE, word);
    }
    signs.commit();
  }

  boolean isDead(int document, long seq) {
    return tombstones.isDead(document, seq);
  }

  @Override
  public void close() {
    tokens.close();
    signs.close();
  }
}
