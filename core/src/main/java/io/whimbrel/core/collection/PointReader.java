package io.whimbrel.core.collection;

import io.whimbrel.core.index.AcceptBits;
import io.whimbrel.core.index.MultiVectorHits;
import io.whimbrel.core.index.MultiVectorParams;
import io.whimbrel.core.index.SearchParams;
import io.whimbrel.core.index.TopK;
import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.MaxSimOptions;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.SearchPlan;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Slice;
import io.whimbrel.core.model.TokenAlignment;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.payload.Bounds;
import io.whimbrel.core.payload.IdSet;
import io.whimbrel.core.payload.PointMatcher;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.PayloadCodec;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.Scan;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// Reads of points by id and in id order, and search. Every method is safe for any number of
/// threads.
public final class PointReader {
  /// Points read at once; between two such steps a page checks its size.
  private static final int STEP_POINTS_MAX = 256;

  /// Few matrices have more rows.
  private static final int MATRIX_ROWS_EXPECTED = 512;

  /// Further candidates fetched when the last place is tied, so that ties are settled by id.
  static final int TIES_MAX = 64;

  /// Sums over many rows tie only between copies, and each hit more widens every stage.
  private static final int MATRIX_TIES_MAX = 6;

  /// Points that one page looks at, and payloads that it reads for conditions without an index.
  private static final long SCROLL_IDS_MAX = 1_000_000;

  private static final long SCROLL_READS_MAX = 10_000;

  private static final byte CURSOR_FORMAT = 2;
  private static final byte SLICE_CURSOR_FORMAT = 3;

  private static final int CURSOR_HEADER_BYTES = 5;
  private static final int CURSOR_PIN_BYTES = 6;

  private final Store store;
  private final Visibility visibility;
  private final Expirer expirer;

  public PointReader(Store store, Sequencer sequencer, Expirer expirer) {
    this.store = store;
    this.visibility = sequencer.visibility();
    this.expirer = expirer;
  }

  /// A vector that the answer carries.
  record Selected(String field, LiveVersion version) {}

  /// What a cursor names: the last key, and the versions whose vectors the page before had.
  private record Position(byte[] from, List<PointRecord.VectorRef> pinned) {}

  /// Points in the order of `ids`; absent ones are left out.
  public List<Point> get(LiveCollection collection, List<PointId> ids, ReadOptions read)
      throws StorageException {
    Limits.checkRange("ids", ids.size(), 0, Limits.BATCH_POINTS_MAX);
    List<Selected> selected = selected(collection, collection.layout(), read);
    if (collection.expiresBy().isPresent()) {
      return getAlive(collection, ids, read, selected);
    }
    try (View view = store.view()) {
      return get(view, collection, ids, _ -> true, read, selected);
    }
  }

  private List<Point> getAlive(
      LiveCollection collection, List<PointId> ids, ReadOptions read, List<Selected> selected)
      throws StorageException {
    try (Visibility.Moment moment = visibility.now(collection, List.of())) {
      Filter alive = expirer.alive(collection, Filter.ALL);
      LongPredicate shown =
          Selection.of(moment, collection, alive, () -> false).ids().lookup();
      return get(moment.view(), collection, ids, shown, read, selected);
    }
  }

  private static List<Point> get(
      View view,
      LiveCollection collection,
      List<PointId> ids,
      LongPredicate shown,
      ReadOptions read,
      List<Selected> selected)
      throws StorageException {
      List<byte[]> idKeys = ids.stream().map(id -> Keys.id(collection.number(), id)).toList();
      List<Long> internalIds = new ArrayList<>(ids.size());
      for (byte[] internalId : view.multiGet(Table.IDS, idKeys)) {
        if (internalId != null && shown.test(ByteBuffer.wrap(internalId).getLong())) {
          internalIds.add(ByteBuffer.wrap(internalId).getLong());
        }
      }
      return points(view, collection, internalIds, read, selected).stream()
          .flatMap(Optional::stream)
          .toList();
  }

  /// A page of up to `limit` points in id order, from `cursor` (empty, or from the page before). A
  /// chain of pages reads the vectors of one version, also when traffic moves on.
  ///
  /// Under a filter a page also ends when it has looked at many points, so it may be empty and
  /// still have a cursor.
  public Page scroll(
      LiveCollection collection,
      byte[] cursor,
      int limit,
      Filter filter,
      Slice slice,
      ReadOptions read)
      throws StorageException {
    Limits.checkRange("limit", limit, 1, Limits.SCROLL_POINTS_MAX);
    Filter.check("filter", filter);
    LiveCollection.Layout layout = collection.layout();
    List<Selected> selected;
    byte[] from;
    if (cursor.length == 0) {
      selected = selected(collection, layout, read);
      from = Keys.collectionPrefix(collection.number());
    } else {
      Position position = after(collection, cursor, slice);
      selected = pinned(collection, layout, read, position.pinned());
      from = position.from();
    }
    byte[] to = Keys.collectionPrefix(collection.number() + 1);
    List<Point> page = new ArrayList<>();
    long bytes = 0;
    long seen = 0;
    byte[] lastKey = {};
    boolean more = true;
    try (Visibility.Moment moment = visibility.now(collection, List.of());
        Scan ids = moment.view().scan(Table.IDS, from, to)) {
      View view = moment.view();
      ScrollFilter wanted =
          ScrollFilter.of(moment, collection, expirer.alive(collection, filter));
      while (page.size() < limit
          && bytes < Limits.PAGE_BYTES_MAX
          && seen < SCROLL_IDS_MAX
          && wanted.payloadsRead() < SCROLL_READS_MAX
          && more) {
        List<Long> internalIds = new ArrayList<>();
        int step = stepPoints(selected, Math.min(limit - page.size(), STEP_POINTS_MAX));
        while (internalIds.size() < step && seen < SCROLL_IDS_MAX && (more = ids.advance())) {
          seen++;
          lastKey = ids.keyBytes();
          long internalId = ids.value().getLong();
          if (slice.contains(internalId) && wanted.mayMeet(internalId)) {
            internalIds.add(internalId);
          }
        }
        List<Long> met = wanted.meet(view, collection, internalIds);
        for (Optional<Point> point : points(view, collection, met, read, selected)) {
          page.add(
              point.orElseThrow(() ->
                  new StorageException("a point id has no point record in " + collection.name())));
          bytes += estimatedBytes(page.getLast());
        }
      }
      more = more && ids.advance();
      byte[] next = more ? cursor(lastKey, selected, slice) : new byte[0];
      return new Page(page, next, moment.seq());
    }
  }

  /// The filter of a page.
  private static final class ScrollFilter {
    private final Bounds bounds;
    private final PointMatcher matcher;
    private final LongPredicate certain;
    private final LongPredicate possible;
    private long payloadsRead;

    private ScrollFilter(Bounds bounds, PointMatcher matcher) {
      this.bounds = bounds;
      this.matcher = matcher;
      this.certain = bounds.certain().lookup();
      this.possible = bounds.possible().lookup();
    }

    static ScrollFilter of(Visibility.Moment moment, LiveCollection collection, Filter filter)
        throws StorageException {
      return new ScrollFilter(
          Selection.bounds(moment, collection, filter), collection.matcher(filter));
    }

    boolean mayMeet(long internalId) {
      return possible.test(internalId);
    }

    /// Those of `internalIds`, which may meet the filter, that do.
    List<Long> meet(View view, LiveCollection collection, List<Long> internalIds)
        throws StorageException {
      if (bounds.exact()) {
        return internalIds;
      }
      List<byte[]> keys =
          internalIds.stream().map(id -> Keys.point(collection.number(), id)).toList();
      List<byte @Nullable []> records = view.multiGet(Table.POINTS, keys);
      List<Long> met = new ArrayList<>();
      for (int i = 0; i < records.size(); i++) {
        long internalId = internalIds.get(i);
        byte[] bytes = records.get(i);
        if (certain.test(internalId)
            || bytes != null && matcher.matches(PointRecord.decode(bytes))) {
          met.add(internalId);
        }
      }
      payloadsRead += internalIds.size();
      return met;
    }

    long payloadsRead() {
      return payloadsRead;
    }
  }

  /// Vectors can be 256 KiB each; a step must not outgrow a page by much.
  private static int stepPoints(List<Selected> selected, int wanted) {
    return (int)
        Math.clamp(Limits.PAGE_BYTES_MAX / 2 / Math.max(1, vectorBytes(selected)), 1, wanted);
  }

  /// Bytes of the selected vectors of one point.
  private static long vectorBytes(List<Selected> selected) {
    return selected.stream()
        .mapToLong(s -> estimatedValues(s.version().spec()) * Float.BYTES)
        .sum();
  }

  private static long estimatedValues(EmbeddingSpec spec) {
    long rows = spec.cardinality() == Cardinality.MULTI ? MATRIX_ROWS_EXPECTED : 1;
    return rows * spec.dimension();
  }

  private static long estimatedBytes(Point point) {
    long bytes = 64;
    for (Vector vector : point.vectors().values()) {
      bytes += (long) Float.BYTES * vector.values().length;
    }
    return bytes + PayloadCodec.encode("payload", point.payload()).length;
  }

  /// Format(1), checksum(4) of the rest, for a slice index(2) and count(2), count(1) of pinned
  /// versions with field(2) and version(4) each, last key.
  private static byte[] cursor(byte[] lastKey, List<Selected> selected, Slice slice) {
    ByteBuffer cursor =
        ByteBuffer.allocate(
            CURSOR_HEADER_BYTES
                + sliceBytes(slice)
                + 1
                + CURSOR_PIN_BYTES * selected.size()
                + lastKey.length);
    cursor.position(CURSOR_HEADER_BYTES);
    if (slice.count() > 1) {
      cursor.putShort((short) slice.index()).putShort((short) slice.count());
    }
    cursor.put((byte) selected.size());
    for (Selected pin : selected) {
      PointRecord.VectorRef ref = pin.version().ref();
      cursor.putShort((short) ref.field()).putInt(ref.version());
    }
    cursor.put(lastKey);
    return cursor.put(0, format(slice)).putInt(1, checksum(cursor.array())).array();
  }

  private static byte format(Slice slice) {
    return slice.count() > 1 ? SLICE_CURSOR_FORMAT : CURSOR_FORMAT;
  }

  private static int sliceBytes(Slice slice) {
    return slice.count() > 1 ? 2 * Short.BYTES : 0;
  }

  private static int checksum(byte[] cursor) {
    CRC32C crc = new CRC32C();
    crc.update(cursor, CURSOR_HEADER_BYTES, cursor.length - CURSOR_HEADER_BYTES);
    return (int) crc.getValue();
  }

  private static Position after(LiveCollection collection, byte[] cursor, Slice slice) {
    int pinsStart = CURSOR_HEADER_BYTES + sliceBytes(slice);
    if (cursor.length > pinsStart && cursor[0] == format(slice)) {
      ByteBuffer in = ByteBuffer.wrap(cursor);
      int pins = cursor[pinsStart];
      int keyStart = pinsStart + 1 + CURSOR_PIN_BYTES * pins;
      in.position(CURSOR_HEADER_BYTES);
      boolean sameSlice =
          slice.count() == 1 || in.getShort() == slice.index() && in.getShort() == slice.count();
      if (in.getInt(1) == checksum(cursor)
          && sameSlice
          && pins >= 0
          && cursor.length > keyStart + Integer.BYTES
          && in.getInt(keyStart) == collection.number()) {
        List<PointRecord.VectorRef> pinned = new ArrayList<>(pins);
        in.position(pinsStart + 1);
        for (int i = 0; i < pins; i++) {
          pinned.add(new PointRecord.VectorRef(in.getShort(), in.getInt()));
        }
        // The first key after the last one.
        byte[] key = Arrays.copyOfRange(cursor, keyStart, cursor.length + 1);
        return new Position(key, pinned);
      }
    }
    throw WhimbrelException.of(
        ErrorCode.INVALID_CURSOR,
        "cursor",
        cursor.length + " bytes",
        "empty, or next_cursor of a page of collection \""
            + collection.name()
            + "\" and this slice");
  }

  /// The selected vectors, of the versions that the first page had.
  static List<Selected> pinned(
      LiveCollection collection,
      LiveCollection.Layout layout,
      ReadOptions read,
      List<PointRecord.VectorRef> pins) {
    List<Selected> pinned = new ArrayList<>();
    for (Selected now : selected(collection, layout, read)) {
      LiveVersion version = now.version();
      for (PointRecord.VectorRef pin : pins) {
        if (pin.field() == version.ref().field() && !pin.equals(version.ref())) {
          version =
              collection
                  .field(layout, "with_vectors", now.field())
                  .find(pin)
                  .orElseThrow(() ->
                      WhimbrelException.of(
                          ErrorCode.CURSOR_EXPIRED,
                          "cursor",
                          "version " + pin.version() + " of field \"" + now.field() + '"',
                          "a version that is still there; start again without a cursor"));
        }
      }
      pinned.add(new Selected(now.field(), version));
    }
    return pinned;
  }

  /// The points that meet the filter.
  public long count(LiveCollection collection, Filter filter, BooleanSupplier cancelled)
      throws StorageException {
    Filter.check("filter", filter);
    try (Visibility.Moment moment = visibility.now(collection, List.of())) {
      Filter alive = expirer.alive(collection, filter);
      return Selection.of(moment, collection, alive, cancelled).ids().count();
    }
  }

  /// Ids of the points that meet the filter, in the order in which they were first written, in
  /// parts of a batch.
  public void forEachMatch(
      LiveCollection collection,
      Filter filter,
      BooleanSupplier cancelled,
      Consumer<List<PointId>> each)
      throws StorageException {
    Filter.check("filter", filter);
    List<PointId> part = new ArrayList<>();
    try (Visibility.Moment moment = visibility.now(collection, List.of())) {
      IdSet ids = Selection.of(moment, collection, filter, cancelled).ids();
      Selection.read(
          moment,
          collection,
          ids,
          cancelled,
          (_, point) -> {
            part.add(point.id());
            if (part.size() == Limits.BATCH_POINTS_MAX) {
              each.accept(List.copyOf(part));
              part.clear();
            }
          });
    }
    if (!part.isEmpty()) {
      each.accept(part);
    }
  }

  /// The `k` best points by the vectors of one version.
  public SearchResult search(
      LiveCollection collection, SearchRequest request, BooleanSupplier cancelled)
      throws StorageException {
    LiveCollection.Layout layout = collection.layout();
    try {
      return search(collection, layout, request, cancelled);
    } catch (WhimbrelException e) {
      // A migration dropped the version under the search: the layout of now has another one.
      if (e.code() == ErrorCode.UNAVAILABLE && collection.layout() != layout) {
        return search(collection, request, cancelled);
      }
      throw e;
    }
  }

  private SearchResult search(
      LiveCollection collection,
      LiveCollection.Layout layout,
      SearchRequest request,
      BooleanSupplier cancelled)
      throws StorageException {
    LiveCollection.LiveField field =
        collection.field(layout, "query.nearest.field", request.field());
    ReadRoutes.Route route = ReadRoutes.route(collection, field, request);
    LiveVersion version = route.version();
    checkParams(collection, version, request);
    List<Selected> selected =
        selected(collection, layout, request.read()).stream()
            .map(s -> s.field().equals(field.name()) ? served(s, version, request) : s)
            .toList();
    try (Visibility.Moment moment = visibility.now(collection, List.of(version))) {
      LiveVersion.Reader reader = moment.reader(version);
      Filter filter = expirer.alive(collection, request.filter());
      Target target = Target.of(moment, collection, version, filter, cancelled);
      SearchParams params = params(version, request).withAccept(target.accept());
      MultiVectorHits found = find(reader, version, route.query(), request, params, cancelled);
      TopK candidates = found.best();
      int count = withTies(candidates, request.k());
      List<Long> internalIds = IntStream.range(0, count).mapToObj(candidates::label).toList();
      List<Optional<Point>> points =
          points(moment.view(), collection, internalIds, request.read(), selected);
      List<SearchResult.Hit> hits = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        float score = candidates.score(i);
        Optional<TokenAlignment> alignment =
            found.alignments().isEmpty()
                ? Optional.empty()
                : Optional.of(found.alignments().get(i));
        points.get(i).ifPresent(point -> hits.add(new SearchResult.Hit(point, score, alignment)));
      }
      hits.sort(
          Comparator.comparingDouble(SearchResult.Hit::score)
              .reversed()
              .thenComparing(hit -> hit.point().id()));
      return new SearchResult(
          hits.subList(0, Math.min(request.k(), hits.size())),
          moment.seq(),
          version.ref().version(),
          route.coverage().orElseGet(version::coverage),
          route.epoch(),
          target.plan(version, reader.rows(), params));
    }
  }

  /// Which points of a version may be hits.
  ///
  /// @param matches how many
  private record Target(AcceptBits accept, long matches, long payloadsRead) {
    static Target of(
        Visibility.Moment moment,
        LiveCollection collection,
        LiveVersion version,
        Filter filter,
        BooleanSupplier cancelled)
        throws StorageException {
      LiveVersion.Reader reader = moment.reader(version);
      int live = reader.rows().live();
      if (filter.equals(Filter.ALL)) {
        return new Target(AcceptBits.ALL, live, 0);
      }
      Selection selection = Selection.of(moment, collection, filter, cancelled);
      IdSet matches = selection.ids().and(moment.payload().withVector(version.ref()));
      AcceptBits accept = matches.count() == live ? AcceptBits.ALL : reader.accept(matches);
      return new Target(accept, matches.count(), selection.payloadsRead());
    }

    SearchPlan plan(LiveVersion version, VectorIndex.Reader rows, SearchParams params) {
      return new SearchPlan(
          matches == 0
              ? SearchPlan.Method.NOTHING
              : rows.scans(params)
                  ? SearchPlan.Method.SCAN
                  : byIndex(version),
          matches,
          payloadsRead);
    }
  }

  /// What a search does that does not scan.
  static SearchPlan.Method byIndex(LiveVersion version) {
    return isMulti(version) ? SearchPlan.Method.CASCADE : SearchPlan.Method.WALK;
  }

  private static boolean isMulti(LiveVersion version) {
    return version.spec().cardinality() == Cardinality.MULTI;
  }

  /// Refuses parameters of another kind of index than the version has.
  private static void checkParams(
      LiveCollection collection, LiveVersion version, SearchRequest request) {
    String where = VectorChecks.where(collection, version);
    MaxSimOptions asked = request.maxSim();
    if (isMulti(version)) {
      if (request.ef() != 0) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT,
            "params.ef",
            request.ef(),
            "none, but shortlist and candidates, since " + where + " has many vectors a point");
      }
      return;
    }
    String expected = "none, since " + where + " has one vector a point";
    if (asked.shortlist() != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "params.shortlist", asked.shortlist(), expected);
    }
    if (asked.candidates() != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "params.candidates", asked.candidates(), expected);
    }
    if (asked.scoring() != MaxSimOptions.Scoring.SUM) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "params.scoring", asked.scoring(), expected);
    }
    if (asked.align()) {
      throw WhimbrelException.of(ErrorCode.INVALID_ARGUMENT, "params.align", true, expected);
    }
  }

  private static MultiVectorHits find(
      LiveVersion.Reader reader,
      LiveVersion version,
      float[] query,
      SearchRequest request,
      SearchParams params,
      BooleanSupplier cancelled) {
    if (!isMulti(version)) {
      return new MultiVectorHits(reader.search(query, params, cancelled), List.of());
    }
    // Sizes are those for the hits that are wanted, not for the ties that are fetched as well.
    MaxSimOptions asked = request.maxSim();
    int k = request.k();
    int shortlist =
        asked.shortlist() == 0
            ? MultiVectorParams.defaultShortlist(k, reader.rows().live())
            : asked.shortlist();
    int candidates =
        asked.candidates() == 0 ? MultiVectorParams.defaultCandidates(k) : asked.candidates();
    MultiVectorParams sized =
        new MultiVectorParams(
            params.k(),
            shortlist,
            candidates,
            params.scoreThreshold(),
            params.accept(),
            params.exact(),
            asked.scoring(),
            asked.align());
    return reader.search(query, sized, cancelled);
  }

  /// Asks for some more than wanted, to see ties. A graph search gets the beam that the caller
  /// asked for and no more candidates than fit in it, since more would widen it.
  private static SearchParams params(LiveVersion version, SearchRequest request) {
    int k = Math.min(Limits.K_MAX, request.k() + tiesMax(version));
    double threshold = request.scoreThreshold().orElse(Double.NEGATIVE_INFINITY);
    if (request.exact() || version.spec().index() instanceof IndexSpec.Flat) {
      return new SearchParams(k, 0, threshold, AcceptBits.ALL, true);
    }
    int beam = request.ef() == 0 ? SearchParams.defaultEf(request.k()) : request.ef();
    return new SearchParams(Math.min(k, beam), beam, threshold, AcceptBits.ALL, false);
  }

  /// Candidates fetched beyond those wanted, so that ties are settled by id.
  static int tiesMax(LiveVersion version) {
    return isMulti(version) ? MATRIX_TIES_MAX : TIES_MAX;
  }

  /// How many candidates compete for the first `k` places.
  private static int withTies(TopK candidates, int k) {
    int count = Math.min(k, candidates.count());
    while (count > 0
        && count < candidates.count()
        && candidates.score(count) == candidates.score(count - 1)) {
      count++;
    }
    return count;
  }

  /// Hits carry the vectors they were found by, unless the request wants those of another version.
  private static Selected served(Selected selected, LiveVersion version, SearchRequest request) {
    return request.read().versions().containsKey(selected.field())
        ? selected
        : new Selected(selected.field(), version);
  }

  static List<Selected> selected(
      LiveCollection collection, LiveCollection.Layout layout, ReadOptions read) {
    if (read.vectors() instanceof Selector.Include include) {
      include.names().forEach(name -> collection.field(layout, "with_vectors", name));
    }
    read.versions().keySet().forEach(name -> collection.field(layout, "versions", name));
    return layout.fields().values().stream()
        .filter(field -> read.vectors().selects(field.name()))
        .map(field -> new Selected(field.name(), version(field, read)))
        .toList();
  }

  private static LiveVersion version(LiveCollection.LiveField field, ReadOptions read) {
    Integer number = read.versions().get(field.name());
    if (number == null) {
      return field.readVersion();
    }
    LiveVersion version = field.versions().get(number);
    if (version == null) {
      throw WhimbrelException.of(
          ErrorCode.UNKNOWN_VERSION,
          "versions." + field.name(),
          number,
          "one of " + field.versions().keySet());
    }
    return version;
  }

  /// The points of `internalIds`, in that order; empty where there is none. Read in steps, so that
  /// an answer beyond its bound is refused before it fills the memory.
  static List<Optional<Point>> points(
      View view,
      LiveCollection collection,
      List<Long> internalIds,
      ReadOptions read,
      List<Selected> selected)
      throws StorageException {
    List<Optional<Point>> points = new ArrayList<>(internalIds.size());
    long bytes = 0;
    int step = stepPoints(selected, STEP_POINTS_MAX);
    for (int from = 0; from < internalIds.size(); from += step) {
      List<Long> some = internalIds.subList(from, Math.min(from + step, internalIds.size()));
      List<byte[]> keys = some.stream().map(id -> Keys.point(collection.number(), id)).toList();
      List<byte @Nullable []> records = view.multiGet(Table.POINTS, keys);
      List<Map<String, Vector>> vectors = vectors(view, collection, some, selected);
      for (int i = 0; i < some.size(); i++) {
        byte[] bytesOfRecord = records.get(i);
        if (bytesOfRecord == null) {
          points.add(Optional.empty());
          continue;
        }
        bytes += bytesOfRecord.length + vectorBytes(selected);
        PointRecord stored = PointRecord.decode(bytesOfRecord);
        Map<String, Value> payload = payload(stored, read.payload());
        points.add(Optional.of(new Point(stored.id(), payload, vectors.get(i), stored.seq())));
      }
      if (bytes > Limits.ANSWER_BYTES_MAX) {
        throw WhimbrelException.of(
            ErrorCode.LIMIT_EXCEEDED,
            "answer",
            "more than " + Limits.ANSWER_BYTES_MAX + " bytes",
            "fewer points, or less of each by with_payload and with_vectors");
      }
    }
    return points;
  }

  private static Map<String, Value> payload(PointRecord stored, Selector selector)
      throws StorageException {
    if (selector.equals(Selector.NONE)) {
      return Map.of();
    }
    Map<String, Value> payload = stored.decodePayload();
    payload.keySet().removeIf(name -> !selector.selects(name));
    return payload;
  }

  private static List<Map<String, Vector>> vectors(
      View view, LiveCollection collection, List<Long> internalIds, List<Selected> selected)
      throws StorageException {
    List<Map<String, Vector>> vectors = new ArrayList<>(internalIds.size());
    internalIds.forEach(_ -> vectors.add(new HashMap<>()));
    for (Selected selection : selected) {
      PointRecord.VectorRef ref = selection.version().ref();
      List<byte[]> keys =
          internalIds.stream()
              .map(id -> Keys.vector(collection.number(), ref.field(), ref.version(), id))
              .toList();
      List<byte @Nullable []> rows = view.multiGet(Table.VECTORS, keys);
      VectorForm form = selection.version().form();
      int dimension = selection.version().spec().dimension();
      String spaceId = selection.version().spaceId();
      for (int i = 0; i < rows.size(); i++) {
        byte[] row = rows.get(i);
        if (row != null) {
          float[] values = form.decode(ByteBuffer.wrap(row));
          vectors
              .get(i)
              .put(selection.field(), new Vector(values, values.length / dimension, spaceId));
        }
      }
    }
    return vectors;
  }
}
