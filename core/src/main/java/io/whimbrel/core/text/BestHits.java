package io.whimbrel.core.text;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.function.BooleanSupplier;
import java.util.function.LongPredicate;
import org.apache.lucene.index.DocValues;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.NumericDocValues;
import org.apache.lucene.search.Collector;
import org.apache.lucene.search.LeafCollector;
import org.apache.lucene.search.Scorable;
import org.apache.lucene.search.ScoreMode;
import org.jspecify.annotations.Nullable;

/// Keeps the best `k` accepted points, and lets Lucene pass over documents that cannot be among
/// them.
///
/// Unlike Lucene's own collector it settles ties by internal id, so that the answer does not depend
/// on how documents lie in segments.
final class BestHits implements Collector {
  private static final int CANCEL_INTERVAL = 1024;

  private static final Comparator<Hit> WORST_FIRST =
      Comparator.comparingDouble(Hit::score).thenComparing(Hit::id, Comparator.reverseOrder());

  private final int k;
  private final TextIndex.Searched searched;
  private final LongPredicate accept;
  private final BooleanSupplier cancelled;
  private final PriorityQueue<Hit> queue;
  private int seen;

  record Hit(long id, float score) {}

  BestHits(int k, TextIndex.Searched searched, LongPredicate accept, BooleanSupplier cancelled) {
    this.k = k;
    this.searched = searched;
    this.accept = accept;
    this.cancelled = cancelled;
    this.queue = new PriorityQueue<>(WORST_FIRST);
  }

  @Override
  public ScoreMode scoreMode() {
    return ScoreMode.TOP_SCORES;
  }

  @Override
  public LeafCollector getLeafCollector(LeafReaderContext context) throws IOException {
    NumericDocValues ids = DocValues.getNumeric(context.reader(), TextIndex.ID);
    boolean inFiles = context.docBase < searched.tailBase();
    return new LeafCollector() {
      private @Nullable Scorable scorer;

      @Override
      public void setScorer(Scorable newScorer) throws IOException {
        scorer = newScorer;
        raiseFloor(newScorer);
      }

      @Override
      public void collect(int doc) throws IOException {
        Scorable current = scorer;
        if (current == null || !ids.advanceExact(doc)) {
          throw new IOException("document " + doc + " has no id");
        }
        if (++seen % CANCEL_INTERVAL == 0 && cancelled.getAsBoolean()) {
          throw WhimbrelException.of(
              ErrorCode.CANCELLED, "text search", "cancelled", "time to finish");
        }
        long id = ids.longValue();
        if (!(inFiles && searched.replaced().contains(id)) && accept.test(id)) {
          offer(new Hit(id, current.score()));
          raiseFloor(current);
        }
      }
    };
  }

  private void offer(Hit hit) {
    if (queue.size() < k) {
      queue.add(hit);
    } else if (WORST_FIRST.compare(queue.element(), hit) < 0) {
      queue.remove();
      queue.add(hit);
    }
  }

  /// Documents of the last score still count: one of a lower id takes its place.
  private void raiseFloor(Scorable scorer) throws IOException {
    if (queue.size() == k) {
      scorer.setMinCompetitiveScore(queue.element().score());
    }
  }

  TextHits hits() {
    int count = queue.size();
    long[] ids = new long[count];
    float[] scores = new float[count];
    for (int i = count - 1; i >= 0; i--) {
      Hit hit = queue.remove();
      ids[i] = hit.id();
      scores[i] = hit.score();
    }
    return new TextHits(ids, scores);
  }
}
