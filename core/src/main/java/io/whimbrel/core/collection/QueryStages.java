package io.whimbrel.core.collection;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.MultiVectorIndex;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Prefetch;
import io.whimbrel.core.model.QueryNode;
import io.whimbrel.core.model.QueryRequest;
import io.whimbrel.core.model.QueryResult;
import io.whimbrel.core.model.SearchPlan;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.IdSet;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.text.TextHits;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/// Runs the stages of one query at one moment, in one thread.
final class QueryStages {
  private static final int STEP_POINTS_MAX = 256;

  /// Points found by a prefix that are scored anew, at least.
  private static final int PREFIX_CANDIDATES_MIN = 100;

  private final Visibility.Moment moment;
  private final LiveCollection collection;
  private final QueryRoutes routes;
  private final TextWorkers textWorkers;
  private final Filter alive;
  private final BooleanSupplier cancelled;
  private final Map<Filter, IdSet> selections = new HashMap<>();
  private final Map<Long, PointId> ids = new HashMap<>();
  private final List<QueryResult.Stage> done = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private long payloadsRead;

  QueryStages(
      Visibility.Moment moment,
      LiveCollection collection,
      QueryRoutes routes,
      TextWorkers textWorkers,
      Filter alive,
      BooleanSupplier cancelled) {
    this.moment = moment;
    this.collection = collection;
    this.routes = routes;
    this.textWorkers = textWorkers;
    this.alive = alive;
    this.cancelled = cancelled;
  }

  /// What is asked of a stage.
  ///
  /// @param path of the node in the request
  /// @param filters of the stage and all above it
  /// @param after where an order by payload goes on
  record Ask(
      String path,
      int limit,
      OptionalDouble threshold,
      int ef,
      boolean exact,
      Filter filters,
      Optional<QueryCursors.Place> after) {
    Ask of(int index, Prefetch stage) {
      return new Ask(
          path + ".prefetch[" + index + "].query",
          stage.limit(),
          stage.scoreThreshold(),
          stage.ef(),
          exact || stage.exact(),
          and(filters, stage.filter()),
          Optional.empty());
    }

    private static Filter and(Filter above, Filter own) {
      return own.equals(Filter.ALL)
          ? above
          : above.equals(Filter.ALL) ? own : new Filter.And(List.of(above, own));
    }

    double floor() {
      return threshold.orElse(Double.NEGATIVE_INFINITY);
    }
  }

  /// What the outermost stage is asked; no stage shows points that have expired.
  Ask ask(QueryRequest request, int limit, Optional<QueryCursors.Place> after) {
    return new Ask(
        "query",
        limit,
        request.scoreThreshold(),
        request.ef() == 0 ? 0 : Math.max(request.ef(), limit),
        request.exact(),
        alive,
        after);
  }

  Visibility.Moment moment() {
    return moment;
  }

  LiveCollection collection() {
    return collection;
  }

  /// How the stages were answered so far.
  List<QueryResult.Stage> done() {
    return done;
  }

  List<String> warnings() {
    return warnings;
  }

  /// The best points of a node, at most `ask.limit()`.
  Ranked run(QueryNode node, Ask ask) throws StorageException {
    refuseIfCancelled(ask.path());
    return switch (node) {
      case QueryNode.Nearest nearest -> nearest(nearest, ask);
      case QueryNode.Recommend recommend -> recommend(recommend, ask);
      case QueryNode.Fusion fusion -> fusion(fusion, ask);
      case QueryNode.Mmr mmr -> mmr(mmr, ask);
      case QueryNode.OrderBy order -> {
        Ranked found = new OrderedPoints(this, order, ask).find(accepted(order.prefetch(), ask));
        yield note(ask, Optional.empty(), found);
      }
      case QueryNode.Sample sample -> {
        Ranked drawn =
            Ranked.withoutScores(
                Samples.draw(accepted(sample.prefetch(), ask), sample.seed(), ask.limit()));
        yield note(ask, Optional.empty(), drawn);
      }
      case QueryNode.Text text -> text(text, ask);
    };
  }

  private Ranked note(Ask ask, Optional<SearchPlan> plan, Ranked found) {
    done.add(new QueryResult.Stage(ask.path(), plan, found.count()));
    return found;
  }

  // ------------------------------------------------------------------------------------ prefetch

  private List<Ranked> prefetch(List<Prefetch> stages, Ask ask) throws StorageException {
    List<Ranked> found = new ArrayList<>(stages.size());
    for (int i = 0; i < stages.size(); i++) {
      found.add(run(stages.get(i).query(), ask.of(i, stages.get(i))));
    }
    return found;
  }

  /// The points that a stage ranks, whether they have a vector or not: what its prefetch found, or
  /// all that meet the filters.
  private IdSet accepted(List<Prefetch> stages, Ask ask) throws StorageException {
    return stages.isEmpty() ? selection(ask) : union(prefetch(stages, ask));
  }

  private static IdSet union(List<Ranked> found) {
    return IdSet.union(found.stream().map(Ranked::idSet).toList());
  }

  /// The points that meet the filters.
  private IdSet selection(Ask ask) throws StorageException {
    if (ask.filters().equals(Filter.ALL)) {
      return moment.payload().points();
    }
    IdSet known = selections.get(ask.filters());
    if (known != null) {
      return known;
    }
    Selection selection = Selection.of(moment, collection, ask.filters(), cancelled);
    payloadsRead += selection.payloadsRead();
    if (payloadsRead > Limits.FILTER_READS_MAX) {
      throw WhimbrelException.of(
          ErrorCode.INDEX_NEEDED,
          "filter",
          payloadsRead + " payloads to read for all stages",
          "at most " + Limits.FILTER_READS_MAX + "; declare indexes on the paths of the filters");
    }
    selections.put(ask.filters(), selection.ids());
    return selection.ids();
  }

  // ------------------------------------------------------------------------------------- nearest

  private Ranked nearest(QueryNode.Nearest nearest, Ask ask) throws StorageException {
    QueryRoutes.Asked asked = routes.of(nearest);
    float[] query = vectors(asked).getFirst();
    if (nearest.searchDims() > 0 && !ask.exact()) {
      return byPrefix(asked, query, nearest.searchDims(), ask);
    }
    return nearest(asked, query, nearest.prefetch(), ask);
  }

  private Ranked nearest(QueryRoutes.Asked asked, float[] query, List<Prefetch> stages, Ask ask)
      throws StorageException {
    LiveVersion version = asked.version();
    LiveVersion.Reader reader = moment.reader(version);
    long readBefore = payloadsRead;
    Optional<IdSet> only = target(asked, stages, ask);
    long matches = only.map(IdSet::count).orElse((long) reader.rows().live());
    AcceptBits accept =
        only.isEmpty() || matches == reader.rows().live()
            ? AcceptBits.ALL
            : reader.accept(only.get());
    boolean exact = ask.exact() || !stages.isEmpty();
    SearchParams params =
        params(version, ask.limit(), ask.ef(), exact, ask.floor()).withAccept(accept);
    TopK found = reader.search(query, params, cancelled);
    SearchPlan.Method method =
        matches == 0
            ? SearchPlan.Method.NOTHING
            : reader.rows().scans(params)
                ? SearchPlan.Method.SCAN
                : PointReader.byIndex(version);
    SearchPlan plan = new SearchPlan(method, matches, payloadsRead - readBefore);
    return note(ask, Optional.of(plan), best(found, ask.limit()));
  }

  /// The best by a prefix of the vectors, then the best of those by all values.
  private Ranked byPrefix(QueryRoutes.Asked asked, float[] query, int dims, Ask ask)
      throws StorageException {
    LiveVersion.Reader reader = moment.reader(asked.version());
    String path = asked.path() + ".search_dims";
    if (!reader.rows().searchesPrefixes()) {
      throw WhimbrelException.unimplemented(
          path,
          dims,
          "0, or a field of one float32 vector a point with a flat index; a derived version has"
              + " fewer dimensions under any");
    }
    Limits.checkRange(path, dims, 1, asked.version().spec().dimension());
    long readBefore = payloadsRead;
    Optional<IdSet> only = target(asked, List.of(), ask);
    long matches = only.map(IdSet::count).orElse((long) reader.rows().live());
    int candidates =
        ask.ef() == 0
            ? (int) Math.clamp(10L * ask.limit(), PREFIX_CANDIDATES_MIN, Limits.K_MAX)
            : ask.ef();
    SearchParams params =
        new SearchParams(
            candidates,
            0,
            Double.NEGATIVE_INFINITY,
            only.map(reader::accept).orElse(AcceptBits.ALL),
            true);
    TopK found = reader.rows().searchPrefix(query, dims, params, cancelled);
    long[] labels = new long[found.count()];
    Arrays.setAll(labels, found::label);
    Arrays.sort(labels);
    double[] scores = new double[labels.length];
    Arrays.fill(scores, Double.NEGATIVE_INFINITY);
    exactScores(reader, query, labels, scores);
    SearchPlan.Method method = matches == 0 ? SearchPlan.Method.NOTHING : SearchPlan.Method.SCAN;
    SearchPlan plan = new SearchPlan(method, matches, payloadsRead - readBefore);
    return note(ask, Optional.of(plan), best(labels, scores, ask.limit()).above(ask.floor()));
  }

  /// The points that may be hits, all of which have a vector in the version; empty for all that
  /// have one.
  private Optional<IdSet> target(QueryRoutes.Asked asked, List<Prefetch> stages, Ask ask)
      throws StorageException {
    IdSet named = named(asked);
    if (stages.isEmpty() && ask.filters().equals(Filter.ALL) && named.isEmpty()) {
      return Optional.empty();
    }
    IdSet with = moment.payload().withVector(asked.version().ref());
    return Optional.of(accepted(stages, ask).and(with).without(named));
  }

  /// The points that the query names by id, as far as they are there.
  private IdSet named(QueryRoutes.Asked asked) throws StorageException {
    IdSet named = IdSet.EMPTY;
    for (QueryRoutes.Example example : asked.examples()) {
      if (example instanceof QueryRoutes.Example.Stored stored) {
        named = named.or(IdSet.of(internalId(stored)));
      }
    }
    return named;
  }

  private long internalId(QueryRoutes.Example.Stored stored) throws StorageException {
    return moment
        .view()
        .get(Table.IDS, Keys.id(collection.number(), stored.id()))
        .map(bytes -> ByteBuffer.wrap(bytes).getLong())
        .orElseThrow(() ->
            WhimbrelException.of(
                ErrorCode.POINT_NOT_FOUND,
                stored.path(),
                '"' + stored.id().toString() + '"',
                "a point of collection \"" + collection.name() + '"'));
  }

  /// The vectors that a stage compares points with.
  private List<float[]> vectors(QueryRoutes.Asked asked) throws StorageException {
    List<float[]> vectors = new ArrayList<>(asked.examples().size());
    for (QueryRoutes.Example example : asked.examples()) {
      vectors.add(
          switch (example) {
            case QueryRoutes.Example.Given(float[] values) -> values;
            case QueryRoutes.Example.Stored stored -> stored(asked.version(), stored);
          });
    }
    return vectors;
  }

  private float[] stored(LiveVersion version, QueryRoutes.Example.Stored stored)
      throws StorageException {
    long id = internalId(stored);
    float[] values = vectors(version, new long[] {id})[0];
    if (values.length == 0) {
      throw WhimbrelException.of(
          ErrorCode.POINT_NOT_FOUND,
          stored.path(),
          '"' + stored.id().toString() + "\", which has no vector there",
          "a point with a vector in " + VectorChecks.where(collection, version));
    }
    int rows = values.length / version.spec().dimension();
    if (rows > MultiVectorIndex.QUERY_TOKENS_MAX) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED,
          stored.path(),
          "a point of " + rows + " vectors",
          "one of at most " + MultiVectorIndex.QUERY_TOKENS_MAX + ", to be a query");
    }
    return values;
  }

  /// The stored vectors of points, in their order; without values where there is none.
  private float[][] vectors(LiveVersion version, long[] internalIds) throws StorageException {
    float[][] vectors = new float[internalIds.length][];
    PointRecord.VectorRef ref = version.ref();
    for (int from = 0; from < internalIds.length; from += STEP_POINTS_MAX) {
      refuseIfCancelled("query");
      int to = Math.min(internalIds.length, from + STEP_POINTS_MAX);
      List<byte[]> keys = new ArrayList<>(to - from);
      for (int i = from; i < to; i++) {
        keys.add(Keys.vector(collection.number(), ref.field(), ref.version(), internalIds[i]));
      }
      List<byte @Nullable []> rows = moment.view().multiGet(Table.VECTORS, keys);
      for (int i = from; i < to; i++) {
        byte[] row = rows.get(i - from);
        vectors[i] = row == null ? new float[0] : version.form().decode(ByteBuffer.wrap(row));
      }
    }
    return vectors;
  }

  /// Asks for some more than wanted, to see ties.
  private static SearchParams params(
      LiveVersion version, int limit, int ef, boolean exact, double threshold) {
    int k = Math.min(Limits.K_MAX, limit + PointReader.tiesMax(version));
    if (exact || version.spec().index() instanceof IndexSpec.Flat) {
      return new SearchParams(k, 0, threshold, AcceptBits.ALL, true);
    }
    int beam = ef == 0 ? SearchParams.defaultEf(limit) : ef;
    return new SearchParams(Math.min(k, beam), beam, threshold, AcceptBits.ALL, false);
  }

  private Ranked best(TopK found, int limit) throws StorageException {
    long[] labels = new long[found.count()];
    double[] scores = new double[found.count()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = found.label(i);
      scores[i] = found.score(i);
    }
    return best(labels, scores, limit);
  }

  /// The `limit` best of points in any order: by score, equal ones by point id. Ids are read only
  /// where scores are equal.
  Ranked best(long[] internalIds, double[] scores, int limit) throws StorageException {
    Integer[] order = new Integer[internalIds.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(scores[b], scores[a]));
    for (int from = 0; from < Math.min(limit, order.length); ) {
      int to = from + 1;
      while (to < order.length && scores[order[to]] == scores[order[from]]) {
        to++;
      }
      if (to - from > 1) {
        readIds(Arrays.stream(order, from, to).map(i -> internalIds[i]).toList());
        Arrays.sort(
            order, from, to, (a, b) -> idOf(internalIds[a]).compareTo(idOf(internalIds[b])));
      }
      from = to;
    }
    int count = Math.min(limit, order.length);
    long[] bestIds = new long[count];
    double[] bestScores = new double[count];
    for (int i = 0; i < count; i++) {
      bestIds[i] = internalIds[order[i]];
      bestScores[i] = scores[order[i]];
    }
    return Ranked.of(bestIds, bestScores);
  }

  /// The ids of points that are there.
  Map<Long, PointId> idsOf(long[]... internalIds) throws StorageException {
    for (long[] some : internalIds) {
      readIds(Arrays.stream(some).boxed().toList());
    }
    return ids;
  }

  private PointId idOf(long internalId) {
    PointId id = ids.get(internalId);
    if (id == null) {
      throw new IllegalStateException("point " + internalId + " was not read");
    }
    return id;
  }

  private void readIds(List<Long> internalIds) throws StorageException {
    List<Long> unknown = internalIds.stream().filter(id -> !ids.containsKey(id)).toList();
    if (unknown.isEmpty()) {
      return;
    }
    long[] sorted = unknown.stream().mapToLong(Long::longValue).sorted().toArray();
    Selection.read(
        moment,
        collection,
        IdSet.ofSorted(sorted),
        cancelled,
        (id, point) -> ids.put(id, point.id()));
  }

  // ----------------------------------------------------------------------------------- recommend

  private Ranked recommend(QueryNode.Recommend recommend, Ask ask) throws StorageException {
    QueryRoutes.Asked asked = routes.of(recommend);
    List<float[]> examples = vectors(asked);
    int positives = recommend.positives().size();
    return switch (recommend.strategy()) {
      case AVERAGE -> {
        LiveVersion version = asked.version();
        if (version.spec().cardinality() == Cardinality.MULTI) {
          throw WhimbrelException.unimplemented(
              asked.path() + ".strategy",
              recommend.strategy(),
              "BEST_SCORE, for a field of many vectors a point");
        }
        float[] query = Examples.average(examples, positives, version.spec().metric());
        VectorChecks.checkValues(
            asked.path(), query, version.spec(), VectorChecks.where(collection, version));
        yield nearest(asked, query, recommend.prefetch(), ask);
      }
      case BEST_SCORE -> bestScore(recommend, asked, examples, positives, ask);
    };
  }

  /// 1. Candidates: the prefetched points; or all that may be hits, when they are few; or what lies
  ///    nearest to each positive, `depth` of each.
  /// 2. Each candidate is scored with every example.
  /// 3. A point that is no candidate is no nearer to any positive than the last that was found for
  ///    it. So hits above the best of those are the true ones; while they are too few, `depth`
  ///    doubles.
  private Ranked bestScore(
      QueryNode.Recommend recommend,
      QueryRoutes.Asked asked,
      List<float[]> examples,
      int positives,
      Ask ask)
      throws StorageException {
    LiveVersion.Reader reader = moment.reader(asked.version());
    long readBefore = payloadsRead;
    IdSet all =
        target(asked, recommend.prefetch(), ask)
            .orElseGet(() -> moment.payload().withVector(asked.version().ref()));
    boolean few =
        !recommend.prefetch().isEmpty()
            || all.count() <= (ask.exact() ? Limits.K_MAX : 2L * ask.limit());
    SearchPlan plan =
        new SearchPlan(
            all.isEmpty()
                ? SearchPlan.Method.NOTHING
                : few || ask.exact()
                    ? SearchPlan.Method.SCAN
                    : PointReader.byIndex(asked.version()),
            all.count(),
            payloadsRead - readBefore);
    if (few) {
      return note(ask, Optional.of(plan), scored(reader, examples, positives, all, ask));
    }
    int depthMax = Math.min(Limits.K_MAX, Limits.QUERY_CANDIDATES_MAX / positives);
    for (int depth = Math.min(depthMax, Math.max(2 * ask.limit(), 64)); ; depth = 2 * depth) {
      depth = Math.min(depth, depthMax);
      AcceptBits accept = all.count() == reader.rows().live() ? AcceptBits.ALL : reader.accept(all);
      double bar = Double.NEGATIVE_INFINITY;
      List<IdSet> found = new ArrayList<>();
      for (float[] positive : examples.subList(0, positives)) {
        SearchParams params =
            params(
                    asked.version(),
                    depth,
                    ask.ef() == 0 ? 0 : Math.max(ask.ef(), depth),
                    ask.exact(),
                    Double.NEGATIVE_INFINITY)
                .withAccept(accept);
        TopK nearest = reader.search(positive, params, cancelled);
        long[] labels = new long[nearest.count()];
        Arrays.setAll(labels, nearest::label);
        Arrays.sort(labels);
        found.add(IdSet.ofSorted(labels));
        if (nearest.count() < all.count()) {
          bar = Math.max(bar, nearest.score(nearest.count() - 1));
        }
      }
      Ranked best = scored(reader, examples, positives, IdSet.union(found), ask);
      boolean enough =
          best.count() == ask.limit() && best.scores()[best.count() - 1] > Examples.squash(bar)
              || bar == Double.NEGATIVE_INFINITY
              || ask.floor() > Examples.squash(bar);
      if (enough || depth == depthMax) {
        return note(ask, Optional.of(plan), best);
      }
    }
  }

  private Ranked scored(
      LiveVersion.Reader reader, List<float[]> examples, int positives, IdSet candidates, Ask ask)
      throws StorageException {
    long[] all = candidates.toArray();
    double[] best = new double[all.length];
    double[] worst = new double[all.length];
    Arrays.fill(best, Double.NEGATIVE_INFINITY);
    Arrays.fill(worst, Double.NEGATIVE_INFINITY);
    for (int e = 0; e < examples.size(); e++) {
      double[] into = e < positives ? best : worst;
      exactScores(reader, examples.get(e), all, into);
    }
    double[] scores = new double[all.length];
    for (int i = 0; i < all.length; i++) {
      scores[i] = best[i] > worst[i] ? Examples.squash(best[i]) : -Examples.squash(worst[i]);
    }
    return best(all, scores, all.length).above(ask.floor()).first(ask.limit());
  }

  /// Raises `into` to the scores of `sorted`, all of which have a vector.
  private void exactScores(LiveVersion.Reader reader, float[] query, long[] sorted, double[] into) {
    for (int from = 0; from < sorted.length; from += Limits.K_MAX) {
      int to = Math.min(sorted.length, from + Limits.K_MAX);
      IdSet part = IdSet.ofSorted(Arrays.copyOfRange(sorted, from, to));
      SearchParams params =
          new SearchParams(to - from, 0, Double.NEGATIVE_INFINITY, reader.accept(part), true);
      TopK found = reader.search(query, params, cancelled);
      for (int i = 0; i < found.count(); i++) {
        int at = Arrays.binarySearch(sorted, from, to, found.label(i));
        into[at] = Math.max(into[at], found.score(i));
      }
    }
  }

  // ---------------------------------------------------------------------------------------- text

  private Ranked text(QueryNode.Text query, Ask ask) throws StorageException {
    LiveText text = routes.text(query);
    boolean all = query.prefetch().isEmpty() && ask.filters().equals(Filter.ALL);
    LongPredicate accept = all ? _ -> true : accepted(query.prefetch(), ask).lookup();
    // More than wanted, to see ties.
    int k = Math.min(Limits.K_MAX, ask.limit() + PointReader.TIES_MAX);
    TextHits found;
    try {
      found =
          moment.text(text).search(ask.path() + ".text.text", query.text(), k, accept, cancelled);
    } catch (IOException e) {
      textWorkers.distrust(collection, text, e);
      throw WhimbrelException.of(
          ErrorCode.INDEX_NOT_READY,
          ask.path() + ".text.path",
          '"' + query.path().text() + "\", whose index is damaged and is filled anew",
          e);
    }
    long[] labels = new long[found.count()];
    double[] scores = new double[found.count()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = found.id(i);
      scores[i] = found.score(i);
    }
    return note(ask, Optional.empty(), best(labels, scores, ask.limit()).above(ask.floor()));
  }

  // -------------------------------------------------------------------------------------- fusion

  private Ranked fusion(QueryNode.Fusion fusion, Ask ask) throws StorageException {
    List<Ranked> found = prefetch(fusion.prefetch(), ask);
    Map<Long, Integer> places = new HashMap<>();
    long[] fused = new long[found.stream().mapToInt(Ranked::count).sum()];
    double[] sums = new double[fused.length];
    for (int stage = 0; stage < found.size(); stage++) {
      double weight = fusion.weights().isEmpty() ? 1 : fusion.weights().get(stage);
      long[] ranked = found.get(stage).ids();
      for (int rank = 1; rank <= ranked.length; rank++) {
        int next = places.size();
        int place = places.computeIfAbsent(ranked[rank - 1], _ -> next);
        fused[place] = ranked[rank - 1];
        sums[place] += weight / (fusion.rankConstant() + rank);
      }
    }
    int count = places.size();
    Ranked best =
        best(Arrays.copyOf(fused, count), Arrays.copyOf(sums, count), ask.limit())
            .above(ask.floor());
    return note(ask, Optional.empty(), best);
  }

  // ----------------------------------------------------------------------------------------- mmr

  private Ranked mmr(QueryNode.Mmr mmr, Ask ask) throws StorageException {
    QueryRoutes.Asked asked = routes.of(mmr.nearest());
    LiveVersion version = asked.version();
    if (version.spec().cardinality() == Cardinality.MULTI) {
      throw WhimbrelException.unimplemented(
          asked.path() + ".field", "one of many vectors a point", "one of a vector a point");
    }
    int candidates = candidates(mmr, ask.limit());
    Ask wider =
        new Ask(
            ask.path() + ".mmr",
            candidates,
            ask.threshold(),
            ask.ef() == 0 ? 0 : Math.max(ask.ef(), candidates),
            ask.exact(),
            ask.filters(),
            Optional.empty());
    Ranked found = mmrCandidates(mmr, ask, wider);
    Ranked taken =
        new Diversity(version.spec().metric(), mmr.diversity(), cancelled)
            .take(found, vectors(version, found.ids()), ask.limit());
    return note(ask, Optional.empty(), taken);
  }

  /// The prefetches of the candidates are those of the node, in whose path they are.
  private Ranked mmrCandidates(QueryNode.Mmr mmr, Ask ask, Ask wider) throws StorageException {
    if (mmr.prefetch().isEmpty()) {
      return nearest(mmr.nearest(), wider);
    }
    QueryRoutes.Asked asked = routes.of(mmr.nearest());
    return nearest(
        asked,
        vectors(asked).getFirst(),
        mmr.prefetch(),
        new Ask(
            ask.path(),
            wider.limit(),
            wider.threshold(),
            0,
            wider.exact(),
            wider.filters(),
            Optional.empty()));
  }

  private static int candidates(QueryNode.Mmr mmr, int limit) {
    if (!mmr.prefetch().isEmpty()) {
      return mmr.prefetch().stream().mapToInt(Prefetch::limit).sum();
    }
    return mmr.candidates() > 0
        ? mmr.candidates()
        : (int) Math.clamp(10L * limit, limit, Limits.MMR_CANDIDATES_MAX);
  }

  void refuseIfCancelled(String path) {
    if (cancelled.getAsBoolean()) {
      throw WhimbrelException.of(
          ErrorCode.CANCELLED, path, "cancelled", "time to answer all stages");
    }
  }

  BooleanSupplier cancelled() {
    return cancelled;
  }
}
