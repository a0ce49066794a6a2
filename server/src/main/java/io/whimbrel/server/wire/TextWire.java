package io.whimbrel.server.wire;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.AddTextIndexRequest;
import io.whimbrel.proto.v1.DropTextIndexRequest;
import io.whimbrel.proto.v1.TextIndex;

/// Full-text indexes.
public final class TextWire {
  private TextWire() {}

  /// A text index to declare.
  public record AddText(String collection, TextIndexSpec index) {}

  public static AddText add(AddTextIndexRequest message) {
    Form.known(message);
    String collection = Form.collection(message.getCollection());
    if (!message.hasIndex()) {
      throw Form.missing("index", "the index to declare");
    }
    try {
      return new AddText(collection, spec(message.getIndex()));
    } catch (WhimbrelException e) {
      throw Form.within("index", e);
    }
  }

  /// A text index to drop.
  public record DropText(String collection, FieldPath path) {}

  public static DropText drop(DropTextIndexRequest message) {
    Form.known(message);
    return new DropText(
        Form.collection(message.getCollection()), FieldPath.parse("path", message.getPath()));
  }

  static TextIndexSpec spec(io.whimbrel.proto.v1.TextIndexSpec message) {
    Form.known(message);
    TextAnalyzer analyzer =
        switch (message.getAnalyzer()) {
          case TEXT_ANALYZER_UNSPECIFIED -> TextAnalyzer.STANDARD;
          case TEXT_ANALYZER_STANDARD -> TextAnalyzer.STANDARD;
          case TEXT_ANALYZER_SIMPLE -> TextAnalyzer.SIMPLE;
          case TEXT_ANALYZER_WHITESPACE -> TextAnalyzer.WHITESPACE;
          case TEXT_ANALYZER_ENGLISH -> TextAnalyzer.ENGLISH;
          case TEXT_ANALYZER_GERMAN -> TextAnalyzer.GERMAN;
          case TEXT_ANALYZER_FRENCH -> TextAnalyzer.FRENCH;
          case TEXT_ANALYZER_SPANISH -> TextAnalyzer.SPANISH;
          case TEXT_ANALYZER_ITALIAN -> TextAnalyzer.ITALIAN;
          case TEXT_ANALYZER_PORTUGUESE -> TextAnalyzer.PORTUGUESE;
          case TEXT_ANALYZER_DUTCH -> TextAnalyzer.DUTCH;
          case TEXT_ANALYZER_SWEDISH -> TextAnalyzer.SWEDISH;
          case TEXT_ANALYZER_NORWEGIAN -> TextAnalyzer.NORWEGIAN;
          case TEXT_ANALYZER_DANISH -> TextAnalyzer.DANISH;
          case TEXT_ANALYZER_FINNISH -> TextAnalyzer.FINNISH;
          case TEXT_ANALYZER_RUSSIAN -> TextAnalyzer.RUSSIAN;
          case TEXT_ANALYZER_ARABIC -> TextAnalyzer.ARABIC;
          case TEXT_ANALYZER_HINDI -> TextAnalyzer.HINDI;
          case TEXT_ANALYZER_CJK -> TextAnalyzer.CJK;
          case UNRECOGNIZED ->
              throw Form.unknownEnum(
                  "analyzer", message.getAnalyzerValue(), "a value of TextAnalyzer");
        };
    return new TextIndexSpec(FieldPath.parse("path", message.getPath()), analyzer);
  }

  static TextIndex message(CollectionInfo.TextIndexInfo text) {
    return TextIndex.newBuilder()
        .setSpec(
            io.whimbrel.proto.v1.TextIndexSpec.newBuilder()
                .setPath(text.spec().path().text())
                .setAnalyzer(
                    switch (text.spec().analyzer()) {
                      case STANDARD -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_STANDARD;
                      case SIMPLE -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_SIMPLE;
                      case WHITESPACE -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_WHITESPACE;
                      case ENGLISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_ENGLISH;
                      case GERMAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_GERMAN;
                      case FRENCH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_FRENCH;
                      case SPANISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_SPANISH;
                      case ITALIAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_ITALIAN;
                      case PORTUGUESE -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_PORTUGUESE;
                      case DUTCH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_DUTCH;
                      case SWEDISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_SWEDISH;
                      case NORWEGIAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_NORWEGIAN;
                      case DANISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_DANISH;
                      case FINNISH -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_FINNISH;
                      case RUSSIAN -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_RUSSIAN;
                      case ARABIC -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_ARABIC;
                      case HINDI -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_HINDI;
                      case CJK -> io.whimbrel.proto.v1.TextAnalyzer.TEXT_ANALYZER_CJK;
                    }))
        .setReady(text.ready())
        .setPoints(text.points())
        .setPending(text.pending())
        .setDiskBytes(text.diskBytes())
        .setNote(text.note())
        .build();
  }
}
