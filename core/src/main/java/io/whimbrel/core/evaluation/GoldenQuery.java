package io.whimbrel.core.evaluation;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/// A query whose right answers are known.
///
/// @param id 1 to 512 bytes without white space, so that it can stand in a TREC file
/// @param text for the reader; not searched with
/// @param vectors the query in each space it may be asked in, each with its `spaceId`
/// @param slices labels to report by, for example `language` = `de`
public record GoldenQuery(
    String id, String text, List<Vector> vectors, Map<String, String> slices, Judgments judgments) {
  private static final int TEXT_CHARS_MAX = 64 << 10;
  private static final int VECTORS_MAX = 8;
  private static final int SLICES_MAX = 16;
  private static final int LABEL_CHARS_MAX = 128;

  public GoldenQuery {
    checkId(id);
    Limits.checkRange("query.text", text.length(), 0, TEXT_CHARS_MAX);
    Limits.checkRange("query.vectors", vectors.size(), 0, VECTORS_MAX);
    Limits.checkRange("query.slices", slices.size(), 0, SLICES_MAX);
    slices.forEach((key, value) -> {
      Limits.checkRange("query.slices.key", key.length(), 1, LABEL_CHARS_MAX);
      Limits.checkRange("query.slices.value", value.length(), 0, LABEL_CHARS_MAX);
    });
    vectors = List.copyOf(vectors);
    slices = Map.copyOf(slices);
  }

  private static void checkId(String id) {
    int bytes = id.getBytes(StandardCharsets.UTF_8).length;
    if (bytes == 0
        || bytes > Limits.ID_BYTES_MAX
        || id.codePoints().anyMatch(Character::isWhitespace)) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "query.id",
          bytes > Limits.ID_BYTES_MAX ? bytes + " bytes" : '"' + id + '"',
          "1 to " + Limits.ID_BYTES_MAX + " bytes without white space");
    }
  }
}
