package io.whimbrel.core.maxsim;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.BestHeap;
import io.whimbrel.core.index.MultiVectorHits;
import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.memory.Region;
import io.whimbrel.core.memory.VectorMatrix;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.TokenAlignment;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.MaxSimKernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// One search in one thread, over the documents of one publish and one generation of centroids.
///
/// 1. Centroid ids of every accepted document leave the shortlist. Documents that have none yet, or
///    none of use, join it. Small sets skip this.
/// 2. Token signs of the shortlist leave the candidates.
/// 3. Of rounded tokens, a rounded query leaves a few more candidates than hits.
/// 4. The tokens as they are stored give the scores.
final class Cascade implements AutoCloseable {
  /// Sets of so many documents cost less by signs than by ids and signs.
  static final int BYPASS_DOCUMENTS = 2000;

  private static final int BLOCK = 256;

  /// Candidates of the last stage beside two for each hit: a rounded query confuses near ties.
  private static final int FINAL_EXTRA = 12;

  /// Tokens decoded at a time.
  private static final int DECODED = 192;

  private final Documents documents;
  private final @Nullable Generation generation;
  private final Metric metric;
  private final MultiVectorParams params;
  private final MaxSimKernels kernels;
  private final QueryTokens query;
  private final AcceptBits accept;
  private final BooleanSupplier cancelled;
  private final int rows;
  private final int live;
  private final long seq;

  private final int strideBytes;
  private final Region decoded;
  private final float[] values;
  private final float[] best;

  /// @param rows documents of the publish, dead ones included
  @SuppressWarnings("MustBeClosedChecker") // The search is the owner.
  Cascade(
      Documents documents,
      @Nullable Generation generation,
      Metric metric,
      QueryTokens query,
      MultiVectorParams params,
      MaxSimKernels kernels,
      BooleanSupplier cancelled,
      int rows,
      int live,
      long seq) {
    this.documents = documents;
    this.generation = generation;
    this.metric = metric;
    this.query = query;
    this.params = params;
    this.kernels = kernels;
    this.accept = params.accept();
    this.cancelled = cancelled;
    this.rows = rows;
    this.live = live;
    this.seq = seq;
    this.strideBytes = QueryTokens.strideBytes(documents.dimension);
    this.decoded = Region.confined((long) DECODED * strideBytes);
    this.values = new float[DECODED * documents.dimension];
    this.best = new float[query.slots()];
  }

  @Override
  public void close() {
    decoded.close();
  }

  MultiVectorHits run() {
    int most = Math.min(live, accept.count());
    BestHeap hits = new BestHeap(Math.min(params.k(), most));
    if (most > 0) {
      if (params.exact()) {
        for (int d = accept.next(0); d < rows; d = accept.next(d + 1)) {
          if (!documents.isDead(d, seq)) {
            offer(hits, d);
          }
        }
      } else {
        for (int d : finalists(shortlist(most))) {
          offer(hits, d);
        }
      }
    }
    TopK top = hits.drain(seq, documents::label);
    List<TokenAlignment> alignments = new ArrayList<>();
    for (int i = 0; params.align() && i < top.count(); i++) {
      alignments.add(align(top.ordinal(i)));
    }
    return new MultiVectorHits(top, alignments);
  }

  /// MaxSim of each of these documents.
  float[] scores(int[] ordinals) {
    float[] scores = new float[ordinals.length];
    for (int i = 0; i < scores.length; i++) {
      if (i % BLOCK == 0) {
        checkCancelled();
      }
      scores[i] = score(ordinals[i]);
    }
    return scores;
  }

  private void checkCancelled() {
    if (cancelled.getAsBoolean()) {
      throw WhimbrelException.of(
          ErrorCode.CANCELLED, "search", "cancelled", "time to look at " + rows + " documents");
    }
  }

  // ---------------------------------------------------------------------------------- shortlist

  /// The best documents by their signs.
  private int[] shortlist(int most) {
    BestHeap bySigns = new BestHeap(Math.min(most, params.candidatesWanted()));
    int wanted = params.shortlistWanted(live);
    int encoded = generation == null ? 0 : Math.min(rows, generation.usable());
    if (generation == null || most <= Math.max(BYPASS_DOCUMENTS, 2L * wanted)) {
      encoded = 0;
    } else {
      for (int d : byIds(generation, encoded, Math.min(most, wanted))) {
        offerSigns(bySigns, d);
      }
    }
    for (int d = accept.next(encoded); d < rows; d = accept.next(d + 1)) {
      if (!documents.isDead(d, seq)) {
        offerSigns(bySigns, d);
      }
    }
    return inOrder(bySigns);
  }

  private int sinceAsked;

  private void offerSigns(BestHeap heap, int document) {
    if (sinceAsked++ % BLOCK == 0) {
      checkCancelled();
    }
    float score = query.scoreSigns(documents, document);
    if (heap.wants(document, score)) {
      heap.add(document, score);
    }
  }

  /// What is in the heap, by ordinal: neighbours in memory are read one after the other.
  private static int[] inOrder(BestHeap heap) {
    TopK top = heap.drain(0, _ -> 0);
    int[] found = new int[top.count()];
    for (int i = 0; i < found.length; i++) {
      found[i] = top.ordinal(i);
    }
    Arrays.sort(found);
    return found;
  }

  /// The best of the first `end` documents by the centroids of their tokens.
  private int[] byIds(Generation from, int end, int count) {
    BestHeap heap = new BestHeap(count);
    MemorySegment tables = query.centroidTables(from);
    int[] scores = new int[BLOCK];
    int[] starts = documents.starts();
    for (int d = accept.next(0); d < end; ) {
      checkCancelled();
      int last = accept.endOfRun(d, Math.min(end, d + BLOCK));
      int scanned = scan(from, tables, starts, d, last, scores);
      for (int i = 0; i < scanned; i++) {
        if (heap.wants(d + i, scores[i]) && !documents.isDead(d + i, seq)) {
          heap.add(d + i, scores[i]);
        }
      }
      d = accept.next(d + scanned);
    }
    return inOrder(heap);
  }

  /// Scores documents from `first` on, up to `last` or to the end of a chunk of ids; returns how
  /// many, one at least.
  private int scan(
      Generation from, MemorySegment tables, int[] starts, int first, int last, int[] scores) {
    int token = starts[first];
    int whole = token + Math.min(starts[last] - token, from.ids.contiguous(token));
    int end = last;
    while (starts[end] > whole) {
      end--;
    }
    if (end > first) {
      kernels.scanIds(
          tables,
          query.panels,
          from.centroids,
          from.ids.segment(token),
          from.ids.offset(token),
          starts,
          first,
          end - first,
          scores,
          0);
      return end - first;
    }
    // A document on the border of two chunks.
    int length = starts[first + 1] - token;
    try (Region copy = Region.confined((long) length * Short.BYTES)) {
      from.copyIds(token, length, copy.segment());
      kernels.scanIds(
          tables, query.panels, from.centroids, copy.segment(), 0, starts, first, 1, scores, 0);
    }
    return 1;
  }

  // ------------------------------------------------------------------------------------- scores

  /// The candidates whose tokens are looked at as they are stored.
  private int[] finalists(int[] candidates) {
    long wanted = 2L * params.k() + FINAL_EXTRA;
    if (candidates.length <= wanted || !(documents.tokens instanceof TokenStore.Int8 codes)) {
      return candidates;
    }
    BestHeap heap = new BestHeap((int) wanted);
    for (int d : candidates) {
      if (sinceAsked++ % BLOCK == 0) {
        checkCancelled();
      }
      float score = finite(query.scoreCodes(codes, documents.start(d), documents.length(d)));
      if (heap.wants(d, score)) {
        heap.add(d, score);
      }
    }
    return inOrder(heap);
  }

  private static float finite(double score) {
    return (float) Math.clamp(score, -Float.MAX_VALUE, Float.MAX_VALUE);
  }

  private void offer(BestHeap hits, int document) {
    if (sinceAsked++ % BLOCK == 0) {
      checkCancelled();
    }
    float score = score(document);
    if (score >= params.scoreThreshold() && hits.wants(document, score)) {
      hits.add(document, score);
    }
  }

  /// MaxSim of the tokens as they are stored.
  private float score(int document) {
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    int start = documents.start(document);
    int length = documents.length(document);
    switch (documents.tokens) {
      case TokenStore.Floats floats -> {
        for (int from = 0; from < length; ) {
          int run = Math.min(length - from, floats.contiguous(start + from));
          query.maxFloat(
              floats.segment(start + from), floats.offset(start + from), run, strideBytes, best);
          from += run;
        }
      }
      case TokenStore.Int8 _ -> {
        for (int from = 0; from < length; from += DECODED) {
          int run = decode(start + from, Math.min(DECODED, length - from));
          query.maxFloat(decoded.segment(), 0, run, strideBytes, best);
        }
      }
    }
    double sum = 0;
    for (int t = 0; t < query.count; t++) {
      sum += bounded(best[t]);
    }
    return finite(
            switch (params.scoring()) {
              case SUM -> sum;
              case MEAN -> sum / query.count;
            })
        + 0f;
  }

  private int decode(int token, int count) {
    documents.tokens.decode(token, count, values);
    int dimension = documents.dimension;
    for (int i = 0; i < count; i++) {
      MemorySegment.copy(
          values,
          i * dimension,
          decoded.segment(),
          VectorMatrix.VALUE,
          (long) i * strideBytes,
          dimension);
    }
    return count;
  }

  private float bounded(float dot) {
    return metric == Metric.COSINE ? Math.clamp(dot, -1f, 1f) : dot;
  }

  private TokenAlignment align(int document) {
    Arrays.fill(best, Float.NEGATIVE_INFINITY);
    int[] rowOf = new int[best.length];
    int start = documents.start(document);
    int length = documents.length(document);
    for (int from = 0; from < length; from += DECODED) {
      int run = decode(start + from, Math.min(DECODED, length - from));
      query.nearest(decoded.segment(), from, run, strideBytes, best, rowOf);
    }
    float[] scores = new float[query.count];
    for (int t = 0; t < scores.length; t++) {
      scores[t] = bounded(best[t]);
    }
    return new TokenAlignment(Arrays.copyOf(rowOf, scores.length), scores);
  }
}
