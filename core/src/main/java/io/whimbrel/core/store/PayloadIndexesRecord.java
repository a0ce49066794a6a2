package io.whimbrel.core.store;

import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.model.TextIndexSpec;
import java.util.ArrayList;
import java.util.List;

/// A row `I`: the payload indexes and full-text indexes that a collection declares. What payload
/// indexes hold is in memory only; text indexes have files by their numbers.
///
/// @param nextText numbers of text indexes are given once and never again
public record PayloadIndexesRecord(
    List<PayloadIndexSpec> indexes, List<TextRecord> texts, int nextText) {
  private static final int FORMAT = 2;

  public static final PayloadIndexesRecord NONE = new PayloadIndexesRecord(List.of(), List.of(), 1);

  public PayloadIndexesRecord {
    indexes = List.copyOf(indexes);
    texts = List.copyOf(texts);
  }

  /// A declared text index.
  public record TextRecord(int number, TextIndexSpec spec) {}

  /// Of a new collection.
  public static PayloadIndexesRecord create(
      List<PayloadIndexSpec> indexes, List<TextIndexSpec> texts) {
    List<TextRecord> records = new ArrayList<>();
    texts.forEach(spec -> records.add(new TextRecord(records.size() + 1, spec)));
    return new PayloadIndexesRecord(indexes, records, records.size() + 1);
  }

  public PayloadIndexesRecord withIndexes(List<PayloadIndexSpec> newIndexes) {
    return new PayloadIndexesRecord(newIndexes, texts, nextText);
  }

  public PayloadIndexesRecord withText(TextIndexSpec spec) {
    List<TextRecord> more = new ArrayList<>(texts);
    more.add(new TextRecord(nextText, spec));
    return new PayloadIndexesRecord(indexes, more, nextText + 1);
  }

  public PayloadIndexesRecord withoutText(int number) {
    return new PayloadIndexesRecord(
        indexes, texts.stream().filter(text -> text.number() != number).toList(), nextText);
  }

  public byte[] encode() {
    RecordWriter out = new RecordWriter().u8(FORMAT).varint(indexes.size());
    indexes.forEach(index -> out.text(index.path().text()).u8(index.type().ordinal() + 1));
    out.varint(texts.size());
    for (TextRecord text : texts) {
      out.varint(text.number()).text(text.spec().path().text());
      out.u8(text.spec().analyzer().ordinal() + 1);
    }
    return out.varint(nextText).toBytes();
  }

  public static PayloadIndexesRecord decode(byte[] bytes) throws StorageException {
    RecordReader in = new RecordReader(bytes);
    int format = in.u8();
    Records.checkFormat("list of payload indexes", format, FORMAT);
    int count = in.count();
    List<PayloadIndexSpec> indexes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      FieldPath path = FieldPath.parse("stored path", in.text());
      ScalarType type = Records.constant(ScalarType.values(), in.u8(), "payload index type");
      indexes.add(new PayloadIndexSpec(path, type));
    }
    if (format == 1) {
      return new PayloadIndexesRecord(indexes, List.of(), 1);
    }
    int textCount = in.count();
    List<TextRecord> texts = new ArrayList<>();
    for (int i = 0; i < textCount; i++) {
      int number = (int) in.varint();
      FieldPath path = FieldPath.parse("stored path", in.text());
      TextAnalyzer analyzer = Records.constant(TextAnalyzer.values(), in.u8(), "analyzer");
      texts.add(new TextRecord(number, new TextIndexSpec(path, analyzer)));
    }
    return new PayloadIndexesRecord(indexes, texts, (int) in.varint());
  }
}
