package io.whimbrel.server.cli.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The header of a NumPy `.npy` file, versions 1.0, 2.0 and 3.0.
///
/// Layout: `\x93NUMPY`, two version bytes, header length (uint16 in version 1, uint32 later), a
/// Python dictionary with exactly the keys `descr`, `fortran_order` and `shape`, spaces and a
/// newline; the numbers follow.
///
/// @param dataStart offset of the first number
record NpyHeader(Element element, long rows, int dimension, long dataStart) {
  static final int HEADER_BYTES_MAX = 64 << 10;

  /// Size of a header that this program writes; room for any shape.
  static final int WRITTEN_BYTES = 128;

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final Pattern DESCR =
      Pattern.compile("['\"]descr['\"]\\s*:\\s*['\"]([^'\"]*)['\"]");
  private static final Pattern ORDER =
      Pattern.compile("['\"]fortran_order['\"]\\s*:\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("['\"]shape['\"]\\s*:\\s*\\(([^)]*)\\)");

  static NpyHeader read(Path file, FileChannel channel) throws IOException {
    ByteBuffer start = read(file, channel, 0, 12);
    byte[] magic = new byte[MAGIC.length];
    start.get(magic);
    if (!Arrays.equals(magic, MAGIC)) {
      throw FileFormatException.of(
          file, "no NumPy magic bytes", "a file that starts with \\x93NUMPY");
    }
    int major = start.get() & 0xFF;
    int minor = start.get() & 0xFF;
    if (major < 1 || major > 3 || minor != 0) {
      throw FileFormatException.of(file, "npy version " + major + "." + minor, "1.0, 2.0 or 3.0");
    }
    long length = major == 1 ? start.getShort() & 0xFFFF : start.getInt() & 0xFFFF_FFFFL;
    if (length > HEADER_BYTES_MAX) {
      throw FileFormatException.of(
          file, "npy header of " + length + " bytes", "at most " + HEADER_BYTES_MAX);
    }
    int offset = major == 1 ? 10 : 12;
    ByteBuffer body = read(file, channel, offset, (int) length);
    String text = StandardCharsets.UTF_8.decode(body).toString();
    Element element = element(file, find(file, DESCR, text, "descr"));
    if (find(file, ORDER, text, "fortran_order").equals("True")) {
      throw FileFormatException.of(
          file,
          "columns stored one after the other",
          "C order; save it with numpy.ascontiguousarray");
    }
    String[] shape = find(file, SHAPE, text, "shape").strip().split("\\s*,\\s*");
    if (shape.length != 2) {
      throw FileFormatException.of(
          file,
          "shape (" + String.join(", ", shape) + ")",
          "two dimensions: rows, vector dimension");
    }
    return new NpyHeader(
        element,
        size(file, shape[0], Long.MAX_VALUE),
        (int) size(file, shape[1], Integer.MAX_VALUE),
        offset + length);
  }

  /// A version 1.0 header of [#WRITTEN_BYTES] bytes for `rows` float32 vectors.
  static ByteBuffer write(long rows, int dimension) {
    String dictionary =
        "{'descr': '<f4', 'fortran_order': False, 'shape': (" + rows + ", " + dimension + "), }";
    int length = WRITTEN_BYTES - MAGIC.length - 4;
    byte[] padded = new byte[length];
    Arrays.fill(padded, (byte) ' ');
    byte[] text = dictionary.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, padded, 0, text.length);
    padded[length - 1] = '\n';
    return ByteBuffer.allocate(WRITTEN_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .put((byte) 1)
        .put((byte) 0)
        .putShort((short) length)
        .put(padded)
        .flip();
  }

  private static Element element(Path file, String descr) throws FileFormatException {
    return switch (descr) {
      case "<f4" -> Element.FLOAT32;
      case "<f2" -> Element.FLOAT16;
      case "<f8" -> Element.FLOAT64;
      case "|u1" -> Element.UINT8;
      default ->
          throw FileFormatException.of(
              file, "numbers of type " + descr, "<f4, <f2, <f8 or |u1; convert with numpy.astype");
    };
  }

  private static String find(Path file, Pattern pattern, String header, String key)
      throws FileFormatException {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw FileFormatException.of(
          file, "npy header without " + key, "descr, fortran_order and shape");
    }
    return matcher.group(1);
  }

  private static long size(Path file, String digits, long max) throws FileFormatException {
    try {
      long size = Long.parseLong(digits);
      if (size >= 0 && size <= max) {
        return size;
      }
    } catch (NumberFormatException e) {
      // Falls through to the one refusal below.
    }
    throw FileFormatException.of(file, "size " + digits + " in the shape", "0 to " + max);
  }

  private static ByteBuffer read(Path file, FileChannel channel, long position, int length)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw FileFormatException.of(
            file,
            "the file ends within its npy header",
            (position + length) + " bytes or more, not " + channel.size());
      }
    }
    return buffer.flip();
  }
}
