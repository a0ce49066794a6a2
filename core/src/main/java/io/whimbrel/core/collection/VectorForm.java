package io.whimbrel.core.collection;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.quant.AffineCodec;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.VectorRecord;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// How the vectors of a version lie in their rows of the store. Any thread; no state.
///
/// Whatever is not kept is lost before the index sees it, so that an index built from writes and
/// one built from the store hold the same.
sealed interface VectorForm {
  static VectorForm of(EmbeddingSpec spec) {
    if (spec.cardinality() == Cardinality.MULTI) {
      return new Matrices(spec.dimension());
    }
    return spec.keepOriginals()
        ? new Originals(spec.dimension())
        : new Codes(AffineCodec.int8(spec.dimension()));
  }

  /// What is left of a vector once it is stored: the argument itself when that is all of it.
  float[] kept(float[] values);

  /// The row of `values`, its sequence numbers still to be set.
  byte[] encode(float[] values, VectorRecord.Source source, long contentHash);

  /// The vector of a row.
  float[] decode(ByteBuffer row) throws StorageException;

  /// The vector of a row as little-endian floats, as long as the row is there.
  ByteBuffer floats(ByteBuffer row) throws StorageException;

  /// Float32, exactly as written.
  record Originals(int dimension) implements VectorForm {
    @Override
    public float[] kept(float[] values) {
      return values;
    }

    @Override
    public byte[] encode(float[] values, VectorRecord.Source source, long contentHash) {
      return VectorRecord.encode(values, source, contentHash);
    }

    @Override
    public float[] decode(ByteBuffer row) throws StorageException {
      float[] values = new float[dimension];
      floats(row).asFloatBuffer().get(values);
      return values;
    }

    @Override
    public ByteBuffer floats(ByteBuffer row) throws StorageException {
      return VectorRecord.values(row, dimension);
    }
  }

  /// Matrices of float32, exactly as written; their length says how many rows they have.
  record Matrices(int dimension) implements VectorForm {
    @Override
    public float[] kept(float[] values) {
      return values;
    }

    @Override
    public byte[] encode(float[] values, VectorRecord.Source source, long contentHash) {
      return VectorRecord.encode(values, source, contentHash);
    }

    @Override
    public float[] decode(ByteBuffer row) throws StorageException {
      ByteBuffer floats = floats(row);
      float[] values = new float[floats.remaining() / Float.BYTES];
      floats.asFloatBuffer().get(values);
      return values;
    }

    @Override
    public ByteBuffer floats(ByteBuffer row) throws StorageException {
      return VectorRecord.matrix(row, dimension);
    }
  }

  /// One byte a value. Storing what was read stores the same again.
  record Codes(AffineCodec codec) implements VectorForm {
    @Override
    public float[] kept(float[] values) {
      try {
        return unpacked(ByteBuffer.wrap(codec.pack(values)));
      } catch (IOException e) {
        throw new IllegalStateException("a row just packed cannot be read", e);
      }
    }

    @Override
    public byte[] encode(float[] values, VectorRecord.Source source, long contentHash) {
      return VectorRecord.encode(codec.pack(values), source, contentHash);
    }

    @Override
    public float[] decode(ByteBuffer row) throws StorageException {
      ByteBuffer codes = VectorRecord.codes(row, codec.packedBytes());
      try {
        return unpacked(codes);
      } catch (IOException e) {
        throw new StorageException("the codes of a stored vector are damaged", e);
      }
    }

    @Override
    public ByteBuffer floats(ByteBuffer row) throws StorageException {
      float[] values = decode(row);
      ByteBuffer floats =
          ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
      floats.asFloatBuffer().put(values);
      return floats;
    }

    private float[] unpacked(ByteBuffer packed) throws IOException {
      float[] values = new float[codec.dimension()];
      codec.unpack(packed, values);
      return values;
    }
  }
}
