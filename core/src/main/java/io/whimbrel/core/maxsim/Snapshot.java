package io.whimbrel.core.maxsim;

import io.whimbrel.core.index.MultiVectorIndex;
import io.whimbrel.core.memory.BlockFile;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// The live documents of one publish and the generation of centroids that searches used, in a
/// [BlockFile]. Bytes: see the package.
final class Snapshot {
  /// "WHTOKEN" and a zero.
  private static final long MAGIC = 0x00_4e_45_4b_4f_54_48_57L;

  private static final int FORMAT = 1;
  private static final int IDENTITY_BYTES_MAX = 1024;
  private static final int TEXT_BYTES_MAX = 2 * IDENTITY_BYTES_MAX;
  private static final int HEADER_BYTES = 72;
  private static final int DOCUMENT_BYTES = 12;

  private Snapshot() {}

  /// What the index of a file must be to be taken for another one.
  record Kind(String identity, int dimension, Metric metric, Storage storage, int centroids) {
    Kind {
      int bytes = identity.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > IDENTITY_BYTES_MAX) {
        throw new IllegalArgumentException(
            "identity: " + bytes + " bytes (expected: at most " + IDENTITY_BYTES_MAX + ")");
      }
    }

    private String text() {
      return "identity \"%s\", dimension %d, metric %s, storage %s, centroids %d"
          .formatted(identity, dimension, metric, storage, centroids);
    }
  }

  /// The content of a file, beside its documents.
  ///
  /// @param generation absent when there were no centroids
  record Content(long seq, @Nullable Generation generation) {}

  /// Writes the documents below `rows` that `live` accepts.
  static void write(
      FileChannel to,
      Kind kind,
      Documents documents,
      @Nullable Generation generation,
      int rows,
      IntPredicate live,
      long seq)
      throws IOException {
    int encodedRows = generation == null ? 0 : Math.min(rows, generation.documents());
    int atFitRows = generation == null ? 0 : Math.min(rows, generation.documentsAtFit());
    int count = 0;
    int encoded = 0;
    int atFit = 0;
    for (int d = 0; d < rows; d++) {
      if (live.test(d)) {
        count++;
        encoded += d < encodedRows ? 1 : 0;
        atFit += d < atFitRows ? 1 : 0;
      }
    }
    BlockFile.Writer out = new BlockFile.Writer(to);
    byte[] text = kind.text().getBytes(StandardCharsets.UTF_8);
    ByteBuffer header = out.room(HEADER_BYTES + text.length);
    header.putLong(MAGIC).putInt(FORMAT).putInt(text.length).putLong(seq);
    header.putInt(count).putInt(encoded).putInt(atFit);
    header.putInt(generation == null ? 0 : generation.number);
    header.putInt(generation != null && generation.fitted ? 1 : 0);
    header.putInt(generation == null ? 0 : generation.centroids);
    header.putDouble(generation == null ? Double.NaN : generation.meanCosine());
    header.putDouble(generation == null ? Double.NaN : generation.recentCosine());
    header.putLong(0);
    header.put(text);
    for (int c = 0; generation != null && c < generation.centroids; c++) {
      ByteBuffer row = out.room(documents.dimension * Float.BYTES);
      for (float value : generation.centroid(c)) {
        row.putFloat(value);
      }
    }
    for (int d = 0; d < rows; d++) {
      if (live.test(d)) {
        write(out, documents, generation, d, d < encodedRows);
      }
    }
    out.end();
  }

  private static void write(
      BlockFile.Writer out,
      Documents documents,
      @Nullable Generation generation,
      int document,
      boolean encoded)
      throws IOException {
    int start = documents.start(document);
    int length = documents.length(document);
    out.room(DOCUMENT_BYTES).putLong(documents.label(document)).putInt(length);
    int bytes = documents.tokenBytes() + Short.BYTES;
    for (int t = start; t < start + length; t++) {
      ByteBuffer token = out.room(bytes);
      token.putShort((short) (generation != null && encoded ? generation.id(t) : 0));
      documents.put(t, token);
    }
  }

  /// Reads a file to the end into `documents`, which is empty.
  static Content read(BlockFile.Reader in, Kind expected, Documents documents) throws IOException {
    ByteBuffer header = in.next(HEADER_BYTES);
    if (header.getLong() != MAGIC) {
      throw in.damaged("is no snapshot of a late-interaction index");
    }
    int format = header.getInt();
    if (format != FORMAT) {
      throw in.damaged("format: " + format + " (expected: " + FORMAT + ")");
    }
    int textBytes = header.getInt();
    long seq = header.getLong();
    int count = header.getInt();
    int encoded = header.getInt();
    int atFit = header.getInt();
    int number = header.getInt();
    boolean fitted = header.getInt() == 1;
    int centroids = header.getInt();
    double mean = header.getDouble();
    double recent = header.getDouble();
    header.getLong();
    if (textBytes < 0 || textBytes > TEXT_BYTES_MAX) {
      throw in.damaged("header: text of " + textBytes + " bytes");
    }
    byte[] text = new byte[textBytes];
    in.next(textBytes).get(text);
    String found = new String(text, StandardCharsets.UTF_8);
    if (!found.equals(expected.text())) {
      throw in.damaged(found + " (expected: " + expected.text() + ")");
    }
    long least =
        (long) count * DOCUMENT_BYTES + (long) centroids * documents.dimension * Float.BYTES;
    if (seq < 0
        || count < 0
        || encoded < 0
        || encoded > count
        || atFit < 0
        || atFit > count
        || centroids < 0
        || centroids > expected.centroids()
        || number < 0
        || (number == 0) != (centroids == 0)
        || least > in.size()) {
      throw in.damaged(
          "header: at %d, %d documents, %d encoded, %d at the fit, generation %d of %d centroids"
              .formatted(seq, count, encoded, atFit, number, centroids));
    }
    Generation generation =
        centroids == 0
            ? null
            : new Generation(number, fitted, rows(in, centroids, documents.dimension), atFit);
    try {
      for (int d = 0; d < count; d++) {
        read(in, documents, d < encoded ? generation : null, centroids);
      }
      in.end();
      if (generation != null) {
        generation.restoreCosines(mean, recent);
      }
      return new Content(seq, generation);
    } catch (Throwable failed) {
      if (generation != null) {
        generation.references.close();
      }
      throw failed;
    }
  }

  private static float[][] rows(BlockFile.Reader in, int count, int dimension) throws IOException {
    float[][] rows = new float[count][dimension];
    for (float[] row : rows) {
      ByteBuffer from = in.next(dimension * Float.BYTES);
      for (int i = 0; i < dimension; i++) {
        row[i] = from.getFloat();
      }
    }
    return rows;
  }

  private static void read(
      BlockFile.Reader in, Documents documents, @Nullable Generation generation, int centroids)
      throws IOException {
    ByteBuffer head = in.next(DOCUMENT_BYTES);
    long label = head.getLong();
    int length = head.getInt();
    int bytes = documents.tokenBytes() + Short.BYTES;
    if (length < 1 || length > MultiVectorIndex.TOKENS_MAX) {
      throw in.damaged("document " + documents.count() + ": " + length + " tokens");
    }
    documents.begin(length, label);
    for (int t = 0; t < length; t++) {
      ByteBuffer token = in.next(bytes);
      int id = token.getShort() & 0xffff;
      if (generation != null) {
        if (id >= centroids) {
          throw in.damaged("document " + documents.count() + ": centroid " + id);
        }
        generation.restoreId(id);
      }
      documents.append(token);
    }
    documents.end();
    if (generation != null) {
      generation.endDocument();
    }
  }
}
