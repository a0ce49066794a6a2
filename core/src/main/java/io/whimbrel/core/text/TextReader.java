package io.whimbrel.core.text;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import java.util.function.LongPredicate;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.util.QueryBuilder;

/// A text index as of one publish. Closed by its user; one thread at a time.
public final class TextReader implements AutoCloseable {
  private final TextIndex index;
  private final TextIndex.Shown shown;

  /// Takes over a reference to the files that `shown` reads.
  TextReader(TextIndex index, TextIndex.Shown shown) {
    this.index = index;
    this.shown = shown;
  }

  /// The best `k` of the accepted points by BM25 (k1 = 1.2, b = 0.75) over the terms of `text`; a
  /// point with any of them is a hit. None when the analyzer leaves no term of the text.
  ///
  /// @param field the request field to blame for a text of too many terms
  /// @param accept tells of an internal id whether its point may be a hit
  public TextHits search(
      String field, String text, int k, LongPredicate accept, BooleanSupplier cancelled)
      throws IOException {
    Query query;
    try {
      query = new QueryBuilder(index.analyzer()).createBooleanQuery(TextIndex.TEXT, text);
    } catch (IndexSearcher.TooManyClauses e) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED,
          field,
          "more than " + IndexSearcher.getMaxClauseCount() + " terms",
          e);
    }
    if (query == null) {
      return TextHits.NONE;
    }
    TextIndex.Searched searched = shown.searched();
    BestHits best = new BestHits(k, searched, accept, cancelled);
    searched.searcher().search(query, best);
    return best.hits();
  }

  /// Every write up to this one is in it.
  public long seq() {
    return shown.seq();
  }

  @Override
  public void close() {
    shown.release();
  }
}
