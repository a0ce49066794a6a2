package io.whimbrel.core.maxsim;

import io.whimbrel.core.memory.RowChunks;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.model.Storage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;

/// The tokens of all documents in the finest form that is kept, one after the other.
///
/// One thread appends; any number of threads read tokens that were published to them. Read only for
/// the last candidates of a search: a system may move this memory to disk.
sealed interface TokenStore extends AutoCloseable {
  static TokenStore of(Storage storage, int dimension) {
    return switch (storage) {
      case FLOAT32 -> new Floats(dimension);
      case INT8 -> new Int8(dimension);
    };
  }

  /// Bytes of a token in [#put].
  int tokenBytes();

  /// Memory held. Writer only.
  long bytes();

  /// Appends the token that begins at `values[at]`. Writer only.
  void append(float[] values, int at);

  /// Appends a token that [#put] wrote. Writer only.
  void append(ByteBuffer in);

  /// Writes a token to the position of `out`, as it is stored.
  void put(int token, ByteBuffer out);

  /// Copies tokens from `token` on to `out`, `[count][dimension]`.
  void decode(int token, int count, float[] out);

  /// Tokens from `token` on that lie one after the other.
  int contiguous(int token);

  @Override
  void close();

  /// Four bytes a value.
  final class Floats implements TokenStore {
    private final int dimension;
    private final VectorMatrix rows;

    private Floats(int dimension) {
      this.dimension = dimension;
      this.rows = new VectorMatrix(dimension);
    }

    int strideBytes() {
      return rows.strideBytes();
    }

    MemorySegment segment(int token) {
      return rows.segment(token);
    }

    long offset(int token) {
      return rows.offset(token);
    }

    @Override
    public int tokenBytes() {
      return dimension * Float.BYTES;
    }

    @Override
    public long bytes() {
      return rows.bytes();
    }

    @Override
    public void append(float[] values, int at) {
      rows.append(MemorySegment.ofArray(values), (long) at * Float.BYTES);
    }

    @Override
    public void append(ByteBuffer in) {
      rows.append(MemorySegment.ofBuffer(in), 0);
      in.position(in.position() + tokenBytes());
    }

    @Override
    public void put(int token, ByteBuffer out) {
      MemorySegment.copy(
          segment(token), offset(token), MemorySegment.ofBuffer(out), 0, tokenBytes());
      out.position(out.position() + tokenBytes());
    }

    @Override
    public void decode(int token, int count, float[] out) {
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(
            segment(token + i),
            VectorMatrix.VALUE,
            offset(token + i),
            out,
            i * dimension,
            dimension);
      }
    }

    @Override
    public int contiguous(int token) {
      return rows.contiguous(token);
    }

    @Override
    public void close() {
      rows.close();
    }
  }

  /// One byte a value and one scale a token, as [TokenCodes] says.
  final class Int8 implements TokenStore {
    private final TokenCodes codec;
    private final RowChunks codes;
    private final RowChunks scales = new RowChunks(Float.BYTES);
    private final byte[] encoded;

    private Int8(int dimension) {
      this.codec = TokenCodes.ofDocuments(dimension);
      this.codes = new RowChunks(codec.paddedDimension());
      this.encoded = new byte[dimension];
    }

    MemorySegment codes(int token) {
      return codes.segment(token);
    }

    long codesAt(int token) {
      return codes.offset(token);
    }

    MemorySegment scales(int token) {
      return scales.segment(token);
    }

    long scalesAt(int token) {
      return scales.offset(token);
    }

    int paddedDimension() {
      return codec.paddedDimension();
    }

    @Override
    public int tokenBytes() {
      return encoded.length + Float.BYTES;
    }

    @Override
    public long bytes() {
      return codes.bytes() + scales.bytes();
    }

    @Override
    public void append(float[] values, int at) {
      append(codec.encode(values, at, encoded));
    }

    private void append(float scale) {
      int row = codes.reserve();
      MemorySegment.copy(
          encoded, 0, codes.segment(row), ValueLayout.JAVA_BYTE, codes.offset(row), encoded.length);
      codes.commit();
      scales.reserve();
      scales.segment(row).set(VectorMatrix.VALUE, scales.offset(row), scale);
      scales.commit();
    }

    @Override
    public void append(ByteBuffer in) {
      in.get(encoded);
      append(in.getFloat());
    }

    @Override
    public void put(int token, ByteBuffer out) {
      byte[] bytes = new byte[encoded.length];
      MemorySegment.copy(
          codes.segment(token), ValueLayout.JAVA_BYTE, codes.offset(token), bytes, 0, bytes.length);
      out.put(bytes);
      out.putFloat(scale(token));
    }

    private float scale(int token) {
      return scales.segment(token).get(VectorMatrix.VALUE, scales.offset(token));
    }

    @Override
    public void decode(int token, int count, float[] out) {
      int dimension = encoded.length;
      byte[] bytes = new byte[dimension];
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(
            codes.segment(token + i),
            ValueLayout.JAVA_BYTE,
            codes.offset(token + i),
            bytes,
            0,
            dimension);
        float scale = scale(token + i);
        int at = i * dimension;
        for (int j = 0; j < dimension; j++) {
          out[at + j] = bytes[j] * scale;
        }
      }
    }

    @Override
    public int contiguous(int token) {
      return Math.min(codes.contiguous(token), scales.contiguous(token));
    }

    @Override
    public void close() {
      codes.close();
      scales.close();
    }
  }
}
