package io.whimbrel.core.maxsim;

import io.whimbrel.core.index.MultiVectorHits;
import io.whimbrel.core.index.MultiVectorIndex;
import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.memory.AtomicFile;
import io.whimbrel.core.memory.BlockFile;
import io.whimbrel.core.memory.RefCount;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MaxSimOptions;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.simd.Kernels;
import io.whimbrel.core.simd.MaxSimKernels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Late interaction by a cascade: centroid ids, token signs, tokens.
///
/// An added document is found by the searches after its publish by its signs; [#work] gives its
/// tokens the ids of their nearest centroids, which the first stage of a search reads. Centroids
/// are tokens as they came at first, then the means of k-means, and are fitted anew when the tokens
/// of new documents lie farther from them: as a new generation, encoded from the stored tokens
/// while searches use the old one, and swapped at once.
///
/// With [Storage#INT8] tokens are rounded to one byte a value as [TokenCodes] says, and exact
/// means: over those. Under DOT the first two stages look at directions only: they lose recall
/// where tokens differ much in length.
///
/// What orders what: a document's tokens, signs and start are written before the publish that makes
/// it visible; its ids before [Generation#documents] counts it.
///
/// Source: the cascade is PLAID's first stage (Santhanam et al. 2022) without its postings, then
/// one-bit and full MaxSim.
public final class MaxSimIndex implements MultiVectorIndex {
  /// Longer tokens are refused under DOT: sums of their products would leave float32.
  public static final double SQUARED_NORM_MAX = 1e34;

  /// With fewer removed documents copying the live ones is not worth it.
  private static final int COMPACTION_DOCUMENTS_MIN = 1024;

  /// Tokens of the sample of a fit that cost as much as a document.
  private static final int FIT_TOKENS_PER_DOCUMENT = 128;

  private final int dimension;
  private final Metric metric;
  private final Storage storage;
  private final int centroids;
  private final Tuning tuning;
  private final Kernels allKernels;
  private final MaxSimKernels kernels;
  private final Documents documents;
  private final RefCount references = new RefCount(this::free);

  // Writer only.
  private int writerLive;
  private long lastRemove;

  private volatile Published published = new Published(0, 0, 0, 0);

  private record Published(int rows, int live, long documentBytes, long seq) {}

  private final Object saving = new Object();

  /// Held by the one thread that does background work.
  private final ReentrantLock working = new ReentrantLock();

  private volatile @Nullable Generation current;

  // Of the next generation: first the fit, then the documents. Under `working`; `refitting` shows.
  private @Nullable Fit fit;
  private @Nullable Generation coming;
  private volatile boolean refitting;

  /// When centroids are made and made anew.
  ///
  /// @param firstDocuments live documents from which on there are centroids, tokens as they came
  /// @param fitDocuments live documents from which on they are fitted
  /// @param windowDocuments new documents whose mean cosine is looked at together
  /// @param drift fall of that mean below the one of the fit that starts a new one
  public record Tuning(int firstDocuments, int fitDocuments, int windowDocuments, double drift) {
    public static final Tuning DEFAULT = new Tuning(Cascade.BYPASS_DOCUMENTS, 4000, 500, 0.03);

    public Tuning {
      Limits.checkRange("first_documents", firstDocuments, 1, Integer.MAX_VALUE);
      Limits.checkRange("fit_documents", fitDocuments, 1, Integer.MAX_VALUE);
      Limits.checkRange("window_documents", windowDocuments, 1, Integer.MAX_VALUE);
    }
  }

  /// The centroids of an index.
  ///
  /// @param generation number of the generation that searches use; 0 while there is none
  /// @param fitted whether its centroids are means; else they are tokens as they came
  /// @param meanCosine of a token and its centroid over the documents that were there at the fit;
  ///   NaN before they are encoded
  /// @param recentCosine the same over the last window of documents since; NaN before there is one
  /// @param refitting whether the next generation is being made
  public record Centroids(
      int generation, boolean fitted, double meanCosine, double recentCosine, boolean refitting) {}

  public MaxSimIndex(
      int dimension, Metric metric, Storage storage, IndexSpec.MultiVector spec, Kernels kernels) {
    this(dimension, metric, storage, spec, Tuning.DEFAULT, kernels);
  }

  public MaxSimIndex(
      int dimension,
      Metric metric,
      Storage storage,
      IndexSpec.MultiVector spec,
      Tuning tuning,
      Kernels kernels) {
    this.dimension = Limits.checkRange("dimension", dimension, 1, TOKEN_DIMENSION_MAX);
    if (metric == Metric.L2) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "metric", metric, "COSINE or DOT");
    }
    this.metric = metric;
    this.storage = storage;
    this.centroids = spec.centroids();
    this.tuning = tuning;
    this.allKernels = kernels;
    this.kernels = kernels.maxSim();
    this.documents = new Documents(dimension, storage);
  }

  private void free() {
    documents.close();
    Generation last = current;
    if (last != null) {
      last.references.close();
    }
    if (coming != null) {
      coming.references.close();
    }
    if (fit != null) {
      fit.close();
    }
  }

  @Override
  public int dimension() {
    return dimension;
  }

  @Override
  public Metric metric() {
    return metric;
  }

  // ------------------------------------------------------------------------------------- writer

  @Override
  public int add(float[] tokens, long label) {
    checkOpen();
    float[] scaled = checked("vector", tokens, TOKENS_MAX);
    writerLive++;
    return documents.append(scaled, label);
  }

  @Override
  public int add(ByteBuffer tokens, long label) {
    if (tokens.remaining() % Float.BYTES != 0) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          "vector",
          tokens.remaining() + " bytes",
          "a multiple of " + dimension * Float.BYTES);
    }
    float[] values = new float[tokens.remaining() / Float.BYTES];
    tokens.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return add(values, label);
  }

  @Override
  public void remove(int ordinal, long seq) {
    checkOpen();
    if (ordinal < 0 || ordinal >= documents.count()) {
      throw new IndexOutOfBoundsException(
          "ordinal " + ordinal + " (expected: below " + documents.count() + ")");
    }
    if (documents.isDead(ordinal, Long.MAX_VALUE)) {
      throw new IllegalStateException("ordinal " + ordinal + " is dead (expected: live)");
    }
    if (seq <= published.seq()) {
      throw new IllegalStateException("seq: " + seq + " (expected: above " + published.seq() + ")");
    }
    documents.tombstones.kill(ordinal, seq);
    lastRemove = Math.max(lastRemove, seq);
    writerLive--;
  }

  @Override
  public void publish(long seq) {
    checkOpen();
    long last = Math.max(published.seq(), lastRemove);
    if (seq < last) {
      throw new IllegalStateException("seq: " + seq + " (expected: at least " + last + ")");
    }
    published = new Published(documents.count(), writerLive, documents.hotBytes(), seq);
    tokenBytes = documents.tokens.bytes();
  }

  /// Written with each publish.
  private volatile long tokenBytes;

  @Override
  public void forEachLive(LiveRow each) {
    checkOpen();
    Published shown = published;
    for (int d = 0; d < shown.rows(); d++) {
      if (!documents.isDead(d, shown.seq())) {
        each.accept(documents.label(d), d);
      }
    }
  }

  /// Writer. Whether removed documents outnumber the live ones so far that [#compacted] pays.
  public boolean wantsCompaction() {
    int dead = documents.count() - writerLive;
    return dead > Math.max(COMPACTION_DOCUMENTS_MIN, writerLive);
  }

  /// Writer. A new index with the published live documents of this one and its centroids, as of
  /// `seq`. The caller moves its searches over and closes this one.
  public MaxSimIndex compacted(long seq) {
    MaxSimIndex copy =
        new MaxSimIndex(
            dimension, metric, storage, new IndexSpec.MultiVector(centroids), tuning, allKernels);
    forEachLive((_, d) -> {
      copy.documents.append(documents, d);
      copy.writerLive++;
    });
    copy.publish(seq);
    working.lock();
    try {
      Generation last = current;
      if (last != null) {
        copy.adopt(last, documents, published);
      }
    } finally {
      working.unlock();
    }
    return copy;
  }

  /// Takes the centroids of another index and the ids of its documents, whose live ones this has.
  private void adopt(Generation other, Documents from, Published shown) {
    float[][] rows = new float[other.centroids][];
    for (int c = 0; c < rows.length; c++) {
      rows[c] = other.centroid(c);
    }
    int atFit = 0;
    for (int d = 0; d < Math.min(shown.rows(), other.documentsAtFit()); d++) {
      atFit += from.isDead(d, shown.seq()) ? 0 : 1;
    }
    Generation adopted = new Generation(other.number, other.fitted, rows, atFit);
    for (int d = 0; d < Math.min(shown.rows(), other.documents()); d++) {
      if (!from.isDead(d, shown.seq())) {
        adopted.restore(other, from.start(d), from.length(d));
      }
    }
    adopted.restoreCosines(other.meanCosine(), other.recentCosine());
    current = adopted;
  }

  // ----------------------------------------------------------------------------------- searches

  @Override
  public MatrixReader reader() {
    if (!references.tryAcquire()) {
      throw closed();
    }
    return new TokenReader(published);
  }

  private final class TokenReader implements MatrixReader {
    private final Published snapshot;

    TokenReader(Published snapshot) {
      this.snapshot = snapshot;
    }

    @Override
    public TopK search(float[] query, SearchParams params, BooleanSupplier cancelled) {
      MultiVectorParams sized =
          MultiVectorParams.of(params.k())
              .withScoreThreshold(params.scoreThreshold())
              .withAccept(params.accept())
              .withExact(params.exact());
      return search(query, sized, cancelled).best();
    }

    @Override
    public MultiVectorHits search(
        float[] query, MultiVectorParams params, BooleanSupplier cancelled) {
      MultiVectorParams byRow = params.withAccept(params.accept().rows());
      return MaxSimIndex.this.search(snapshot, query, byRow, cancelled);
    }

    @Override
    public float[] scores(
        float[] query, int[] ordinals, MaxSimOptions.Scoring scoring, BooleanSupplier cancelled) {
      for (int ordinal : ordinals) {
        if (isLater(ordinal) || documents.isDead(ordinal, snapshot.seq())) {
          throw new IllegalStateException("ordinal " + ordinal + " (expected: live)");
        }
      }
      MultiVectorParams params = MultiVectorParams.of(1).withScoring(scoring);
      try (QueryTokens tokens = tokens(query);
          Cascade cascade = cascade(snapshot, null, tokens, params, cancelled)) {
        return cascade.scores(ordinals);
      }
    }

    @Override
    public boolean scans(SearchParams params) {
      return params.exact();
    }

    @Override
    public boolean isLater(int ordinal) {
      return ordinal >= snapshot.rows();
    }

    @Override
    public int live() {
      return snapshot.live();
    }

    @Override
    public long seq() {
      return snapshot.seq();
    }

    @Override
    public void close() {
      references.release();
    }
  }

  @Override
  public MultiVectorHits search(
      float[] query, MultiVectorParams params, BooleanSupplier cancelled) {
    if (!references.tryAcquire()) {
      throw closed();
    }
    try {
      return search(published, query, params, cancelled);
    } finally {
      references.release();
    }
  }

  private MultiVectorHits search(
      Published snapshot, float[] query, MultiVectorParams params, BooleanSupplier cancelled) {
    Generation generation = acquireGeneration();
    try (QueryTokens tokens = tokens(query);
        Cascade cascade = cascade(snapshot, generation, tokens, params, cancelled)) {
      return cascade.run();
    } finally {
      if (generation != null) {
        generation.references.release();
      }
    }
  }

  private QueryTokens tokens(float[] query) {
    return new QueryTokens(checked("query", query, QUERY_TOKENS_MAX), dimension, kernels);
  }

  private Cascade cascade(
      Published snapshot,
      @Nullable Generation generation,
      QueryTokens tokens,
      MultiVectorParams params,
      BooleanSupplier cancelled) {
    return new Cascade(
        documents,
        generation,
        metric,
        tokens,
        params,
        kernels,
        cancelled,
        snapshot.rows(),
        snapshot.live(),
        snapshot.seq());
  }

  /// The generation to search with; it was swapped meanwhile when it lets no reader in any more.
  private @Nullable Generation acquireGeneration() {
    while (true) {
      Generation seen = current;
      if (seen == null || seen.references.tryAcquire()) {
        return seen;
      }
    }
  }

  // --------------------------------------------------------------------------------- background

  @Override
  public boolean work(int documentsMax) {
    if (!references.tryAcquire()) {
      return false;
    }
    try {
      // The encoder of a generation is one thread; another finds nothing to do.
      if (!working.tryLock()) {
        return false;
      }
      try {
        return step(documentsMax);
      } finally {
        working.unlock();
      }
    } finally {
      references.release();
    }
  }

  /// New documents first, then the next generation.
  private boolean step(int documentsMax) {
    Published shown = published;
    Generation used = current;
    if (used != null && used.documents() < shown.rows()) {
      used.encode(documents, shown.rows(), documentsMax, tuning.windowDocuments(), kernels);
    } else if (fit != null) {
      step(fit, shown, documentsMax);
    } else if (coming != null) {
      coming.encode(documents, shown.rows(), documentsMax, tuning.windowDocuments(), kernels);
      if (coming.documents() == shown.rows()) {
        swap(coming);
      }
    } else {
      int passes = passesWanted(used, shown);
      if (passes >= 0) {
        begin(shown, passes);
      }
    }
    return hasWork();
  }

  private boolean hasWork() {
    Published shown = published;
    Generation used = current;
    return used != null && used.documents() < shown.rows()
        || fit != null
        || coming != null
        || passesWanted(used, shown) >= 0;
  }

  /// Passes of the fit that is due, 0 for tokens as they came, -1 when none is.
  private int passesWanted(@Nullable Generation used, Published shown) {
    if (shown.live() < tuning.firstDocuments() || documents.start(shown.rows()) < centroids) {
      return -1;
    }
    if (used == null) {
      return shown.live() >= tuning.fitDocuments() ? Fit.PASSES : 0;
    }
    if (!used.fitted) {
      return shown.live() >= tuning.fitDocuments() ? Fit.PASSES : -1;
    }
    // A fit takes as long as encoding all documents: a tenth more of them pays for it.
    int since = shown.rows() - used.documentsAtFit();
    boolean worthIt = since >= Math.max(tuning.windowDocuments(), shown.rows() / 10);
    boolean drifted = used.recentCosine() < used.meanCosine() - tuning.drift();
    return worthIt && drifted ? Fit.PASSES : -1;
  }

  private void begin(Published shown, int passes) {
    Generation used = current;
    int number = used == null ? 1 : used.number + 1;
    refitting = true;
    fit = new Fit(documents, shown.rows(), shown.seq(), centroids, passes, number, kernels);
  }

  private void step(Fit running, Published shown, int documentsMax) {
    if (!running.isDone()) {
      running.step(Math.multiplyExact(Math.min(documentsMax, 1 << 16), FIT_TOKENS_PER_DOCUMENT));
      return;
    }
    Generation used = current;
    int number = used == null ? 1 : used.number + 1;
    if (running.isEmpty()) {
      refitting = false;
    } else {
      coming = new Generation(number, running.isFitted(), running.centroids(), shown.rows());
    }
    fit = null;
    running.close();
  }

  private void swap(Generation next) {
    Generation old = current;
    current = next;
    coming = null;
    refitting = false;
    if (old != null) {
      old.references.close();
    }
  }

  /// What the centroids are like now.
  public Centroids centroids() {
    Generation used = current;
    return used == null
        ? new Centroids(0, false, Double.NaN, Double.NaN, refitting)
        : new Centroids(
            used.number, used.fitted, used.meanCosine(), used.recentCosine(), refitting);
  }

  /// What an operator should know of the centroids; else empty.
  public String note() {
    Centroids now = centroids();
    String cosines =
        String.format(
            Locale.ROOT,
            "mean cosine of tokens and centroids %.3f, of new ones %.3f",
            now.meanCosine(),
            now.recentCosine());
    if (now.refitting() && now.generation() > 0) {
      return "centroids are fitted anew: " + cosines;
    }
    boolean far =
        now.meanCosine() < Generation.COSINE_MIN || now.recentCosine() < Generation.COSINE_MIN;
    return far ? "searches skip centroid ids, which more centroids would mend: " + cosines : "";
  }

  /// None while there are too few documents for centroids: those are searched by their signs.
  @Override
  public int pending() {
    Published shown = published;
    Generation used = current;
    if (used == null) {
      return passesWanted(null, shown) < 0 ? 0 : shown.rows();
    }
    return Math.max(0, shown.rows() - used.documents());
  }

  @Override
  public long seq() {
    return published.seq();
  }

  @Override
  public int rows() {
    return published.rows();
  }

  @Override
  public int live() {
    return published.live();
  }

  @Override
  public long bytes() {
    return hotBytes() + tokenBytes;
  }

  /// Memory that every search may read: ids, signs, centroids, and what is kept of a document.
  public long hotBytes() {
    Generation used = current;
    return published.documentBytes() + (used == null ? 0 : used.bytes());
  }

  /// Memory of the tokens, of which a search reads those of its candidates.
  public long tokenBytes() {
    return tokenBytes;
  }

  @Override
  public double coverage() {
    int rows = published.rows();
    return rows == 0 ? 1 : Math.max(0, 1 - (double) pending() / rows);
  }

  @Override
  public void close() {
    references.close();
  }

  // ----------------------------------------------------------------------------------- snapshots

  /// Writes the live documents of the last publish and the centroids in use to `file`, replaced
  /// whole or not at all, and returns the number of that publish. Any thread; searches, work and
  /// the writer go on. Ordinals are given anew when the file is opened.
  ///
  /// @param identity which index of the caller this is, up to 1 KiB; asked for again by [#open]
  public long save(Path file, String identity) throws IOException {
    Snapshot.Kind kind = kind(identity);
    if (!references.tryAcquire()) {
      throw closed();
    }
    try {
      synchronized (saving) {
        Published shown = published;
        Generation generation = acquireGeneration();
        try {
          return AtomicFile.replace(
              file,
              out -> {
                Snapshot.write(
                    out,
                    kind,
                    documents,
                    generation,
                    shown.rows(),
                    d -> !documents.isDead(d, shown.seq()),
                    shown.seq());
                return shown.seq();
              });
        } finally {
          if (generation != null) {
            generation.references.release();
          }
        }
      }
    } finally {
      references.release();
    }
  }

  private Snapshot.Kind kind(String identity) {
    return new Snapshot.Kind(identity, dimension, metric, storage, centroids);
  }

  /// The index that was saved to `file`, published as of then.
  ///
  /// Throws [BlockFile.DamagedException] where the file is damaged, not of this format, or was
  /// saved with another identity, dimension, metric, storage or spec. Cost: the file is read once.
  public static MaxSimIndex open(
      Path file,
      String identity,
      int dimension,
      Metric metric,
      Storage storage,
      IndexSpec.MultiVector spec,
      Kernels kernels)
      throws IOException {
    MaxSimIndex index = new MaxSimIndex(dimension, metric, storage, spec, kernels);
    try (BlockFile.Reader in = new BlockFile.Reader(file)) {
      Snapshot.Content content = Snapshot.read(in, index.kind(identity), index.documents);
      index.current = content.generation();
      index.writerLive = index.documents.count();
      index.publish(content.seq());
      return index;
    } catch (Throwable failed) {
      index.close();
      throw failed;
    }
  }

  // ------------------------------------------------------------------------------------- checks

  /// Checks a matrix and scales its rows for COSINE, in a copy then.
  private float[] checked(String field, float[] tokens, int tokensMax) {
    if (tokens.length == 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, "0 tokens", "1 to " + tokensMax + " tokens");
    }
    if (tokens.length % dimension != 0) {
      throw WhimbrelException.of(
          ErrorCode.DIMENSION_MISMATCH,
          field,
          tokens.length + " values",
          "a multiple of " + dimension);
    }
    int count = tokens.length / dimension;
    if (count > tokensMax) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED, field, count + " tokens", "1 to " + tokensMax + " tokens");
    }
    float[] scaled = metric == Metric.COSINE ? new float[tokens.length] : tokens;
    for (int t = 0; t < count; t++) {
      check(field, tokens, t, scaled);
    }
    return scaled;
  }

  private void check(String field, float[] tokens, int t, float[] scaled) {
    double squares = 0;
    for (int i = t * dimension; i < (t + 1) * dimension; i++) {
      squares += (double) tokens[i] * tokens[i];
    }
    String token = field + "[" + t + "]";
    if (!Double.isFinite(squares)) {
      throw WhimbrelException.of(
          ErrorCode.NOT_FINITE, token, "NaN or infinite value", "finite values");
    }
    if (metric == Metric.DOT) {
      if (squares > SQUARED_NORM_MAX) {
        throw WhimbrelException.of(
            ErrorCode.LIMIT_EXCEEDED,
            token,
            "norm " + (float) Math.sqrt(squares),
            "a norm of at most " + (float) Math.sqrt(SQUARED_NORM_MAX));
      }
      return;
    }
    if (squares == 0) {
      throw WhimbrelException.of(
          ErrorCode.ZERO_VECTOR, token, "all zero", "a direction, for COSINE");
    }
    double scale = 1 / Math.sqrt(squares);
    for (int i = t * dimension; i < (t + 1) * dimension; i++) {
      scaled[i] = (float) (tokens[i] * scale);
    }
  }

  private void checkOpen() {
    if (references.closed()) {
      throw closed();
    }
  }

  private static WhimbrelException closed() {
    return WhimbrelException.of(ErrorCode.UNAVAILABLE, "index", "closed", "open");
  }
}
