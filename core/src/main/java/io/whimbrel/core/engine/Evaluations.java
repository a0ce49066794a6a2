package io.whimbrel.core.engine;

import io.whimbrel.core.collection.Notes;
import io.whimbrel.core.evaluation.EvaluationOptions;
import io.whimbrel.core.evaluation.EvaluationReport;
import io.whimbrel.core.evaluation.Evaluator;
import io.whimbrel.core.evaluation.GoldenQuery;
import io.whimbrel.core.evaluation.GoldenSet;
import io.whimbrel.core.evaluation.Ranking;
import io.whimbrel.core.evaluation.Run;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.GoldenSetInfo;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.NegativeMining;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.QueryInput;
import io.whimbrel.core.model.QueryRouting;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.RoutingPolicy;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.RecordReader;
import io.whimbrel.core.store.RecordWriter;
import io.whimbrel.core.store.StorageException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.function.BooleanSupplier;

/// Golden sets of collections, and the comparison of two versions by them. Any number of threads.
public final class Evaluations {
  /// Rows that describe a set, apart from the sets, which are large.
  private static final String INFO = "golden-info/";

  private static final String SET = "golden-set/";

  /// Golden sets of one collection.
  private static final int SETS_MAX = 64;

  /// Bytes of one golden set.
  private static final int SET_BYTES_MAX = 64 << 20;

  /// Comparisons at once; each takes a thread and up to a few hundred megabytes.
  private static final int RUNNING_MAX = 2;

  private final Database database;
  private final Notes notes;
  private final Semaphore running = new Semaphore(RUNNING_MAX);

  Evaluations(Database database, Notes notes) {
    this.database = database;
    this.notes = notes;
  }

  /// Stores or replaces a golden set for a vector field.
  public GoldenSetInfo put(String collection, String field, String name, GoldenSet set) {
    CollectionInfo described = database.describe(collection);
    CollectionInfo.FieldInfo fieldInfo = field(described, field);
    GoldenSetInfo info =
        new GoldenSetInfo(collection, field, name, set.queries().size(), set.judgments());
    checkVectors(fieldInfo, set);
    byte[] row = GoldenSetCodec.encode(set);
    Limits.checkRange("golden_set.bytes", row.length, 1, SET_BYTES_MAX);
    List<GoldenSetInfo> present = list(collection);
    if (present.size() >= SETS_MAX && present.stream().noneMatch(one -> one.name().equals(name))) {
      throw WhimbrelException.of(
          ErrorCode.LIMIT_EXCEEDED, "golden_sets", present.size() + 1, "at most " + SETS_MAX);
    }
    String key = key(described, name);
    database.await(notes.put(Map.of(INFO + key, encode(info), SET + key, row)));
    return info;
  }

  /// By name.
  public List<GoldenSetInfo> list(String collection) {
    CollectionInfo described = database.describe(collection);
    return database.reading(() -> {
      List<GoldenSetInfo> infos = new ArrayList<>();
      for (byte[] row : notes.list(INFO + collectionKey(described)).values()) {
        infos.add(decode(collection, row));
      }
      return infos;
    });
  }

  /// NOT_FOUND when the collection has none of this name.
  public GoldenSet get(String collection, String name) {
    CollectionInfo described = database.describe(collection);
    return database.reading(() -> {
      Optional<byte[]> row = notes.get(SET + key(described, name));
      if (row.isEmpty()) {
        throw notFound(collection, name);
      }
      return GoldenSetCodec.decode(row.get());
    });
  }

  public void delete(String collection, String name) {
    CollectionInfo described = database.describe(collection);
    if (list(collection).stream().noneMatch(one -> one.name().equals(name))) {
      throw notFound(collection, name);
    }
    database.await(notes.remove(INFO + key(described, name), SET + key(described, name)));
  }

  /// Removes the sets of collections that are gone.
  void sweep() {
    Set<String> present = new HashSet<>();
    database.collections().forEach(collection -> present.add(collectionKey(collection)));
    Set<String> owners = new HashSet<>();
    for (String key : database.reading(() -> notes.list(INFO)).keySet()) {
      owners.add(key.substring(INFO.length(), key.indexOf('/', INFO.length()) + 1));
    }
    owners.removeAll(present);
    for (String owner : owners) {
      database.await(notes.remove(INFO + owner, SET + owner));
    }
  }

  /// The queries of a golden set with their answers, each in all spaces that it has a vector in.
  /// The set must be of the field that is mined.
  List<NegativeMining.Query> miningQueries(String collection, NegativeMining mining, String name) {
    GoldenSetInfo info = info(collection, name);
    if (!info.field().equals(mining.field())) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "field",
          '"' + mining.field() + '"',
          "that of golden set \"" + name + "\", \"" + info.field() + '"');
    }
    List<NegativeMining.Query> queries = new ArrayList<>();
    for (GoldenQuery query : get(collection, name).queries()) {
      Set<PointId> positives = new HashSet<>();
      query
          .judgments()
          .grades()
          .forEach((id, grade) -> {
            if (grade >= 1) {
              positives.add(id);
            }
          });
      queries.add(
          new NegativeMining.Query(query.id(), new QueryInput.Given(query.vectors()), positives));
    }
    return queries;
  }

  private GoldenSetInfo info(String collection, String name) {
    return list(collection).stream()
        .filter(one -> one.name().equals(name))
        .findFirst()
        .orElseThrow(() -> notFound(collection, name));
  }

  /// Asks two versions of the golden set's field all its queries, through their indexes as users do
  /// and by exact scans, and compares. Runs in the caller's thread; `cancelled` is asked regularly
  /// and ends it with CANCELLED. Refuses with OVERLOADED while two run, with SPACE_MISMATCH when a
  /// query has no vector for a version. Versions that are not ready are asked for what they have.
  /// Cost: four searches a query, two of them exact, then the [Evaluator]'s.
  public EvaluationReport evaluate(
      String collection,
      String name,
      int baseline,
      int candidate,
      EvaluationOptions options,
      BooleanSupplier cancelled) {
    String field = info(collection, name).field();
    return evaluate(
        collection, field, get(collection, name), baseline, candidate, options, cancelled);
  }

  /// The same by a set that is not stored.
  public EvaluationReport evaluate(
      String collection,
      String field,
      GoldenSet set,
      int baseline,
      int candidate,
      EvaluationOptions options,
      BooleanSupplier cancelled) {
    if (!running.tryAcquire()) {
      throw WhimbrelException.of(
          ErrorCode.OVERLOADED,
          "evaluation",
          RUNNING_MAX + " are running",
          "fewer than " + RUNNING_MAX);
    }
    try {
      Evaluator evaluator = new Evaluator(set, options, cancelled);
      RoutingPolicy policy = database.migrations().policy(collection, field);
      return evaluator.compare(
          answers(collection, field, set, version(policy, baseline), options, cancelled),
          answers(collection, field, set, version(policy, candidate), options, cancelled));
    } finally {
      running.release();
    }
  }

  private Evaluator.Answers answers(
      String collection,
      String field,
      GoldenSet set,
      RoutingPolicy.PolicyVersion version,
      EvaluationOptions options,
      BooleanSupplier cancelled) {
    Map<String, Ranking> served = new HashMap<>();
    Map<String, Ranking> exact = new HashMap<>();
    for (GoldenQuery query : set.queries()) {
      Vector vector = vector(query, version);
      SearchRequest request =
          new SearchRequest(
                  field,
                  version.number(),
                  vector,
                  options.k(),
                  OptionalDouble.empty(),
                  options.ef(),
                  false,
                  new ReadOptions(Selector.NONE, Selector.NONE, 0))
              .withRouting(new QueryRouting("", 0, List.of(), OptionalDouble.of(0)));
      served.put(query.id(), ranking(database.search(collection, request, cancelled)));
      exact.put(
          query.id(),
          ranking(database.search(collection, exact(request, options.depth()), cancelled)));
    }
    String tag = "v" + version.number();
    return new Evaluator.Answers(
        version.number(), new Run(tag, served), new Run(tag + "-exact", exact));
  }

  private static SearchRequest exact(SearchRequest request, int depth) {
    return new SearchRequest(
            request.field(),
            request.version(),
            request.vector(),
            depth,
            request.scoreThreshold(),
            0,
            true,
            request.read())
        .withRouting(request.routing());
  }

  private static Ranking ranking(SearchResult result) {
    return new Ranking(
        result.hits().stream().map(hit -> new Ranking.Hit(hit.point().id(), hit.score())).toList());
  }

  private static Vector vector(GoldenQuery query, RoutingPolicy.PolicyVersion version) {
    for (Vector vector : query.vectors()) {
      if (vector.spaceId().equals(version.spaceId())
          || vector.spaceId().equals(version.spec().spaceId())) {
        return vector;
      }
    }
    throw WhimbrelException.of(
        ErrorCode.SPACE_MISMATCH,
        "queries[" + query.id() + "].vectors",
        query.vectors().stream().map(Vector::spaceId).toList(),
        "one of space "
            + version.spaceId()
            + ", model "
            + version.spec().model()
            + ", version "
            + version.number());
  }

  private static RoutingPolicy.PolicyVersion version(RoutingPolicy policy, int number) {
    return policy.versions().stream()
        .filter(version -> version.number() == number)
        .findFirst()
        .orElseThrow(() ->
            WhimbrelException.of(
                ErrorCode.UNKNOWN_VERSION,
                "version",
                number,
                "one of "
                    + policy.versions().stream()
                        .map(RoutingPolicy.PolicyVersion::number)
                        .toList()));
  }

  /// A query vector must name its space: without it nobody could tell later which model it came
  /// from.
  private static void checkVectors(CollectionInfo.FieldInfo field, GoldenSet set) {
    Map<String, Integer> dimensions = new LinkedHashMap<>();
    field
        .versions()
        .forEach(version -> dimensions.put(version.spec().spaceId(), version.spec().dimension()));
    for (GoldenQuery query : set.queries()) {
      for (Vector vector : query.vectors()) {
        String path = "queries[" + query.id() + "].vectors";
        if (vector.spaceId().isEmpty()) {
          throw WhimbrelException.of(
              ErrorCode.SPACE_REQUIRED, path + ".space_id", "not given", "the space of its model");
        }
        Integer dimension = dimensions.get(vector.spaceId());
        if (dimension != null && dimension != vector.dimension()) {
          throw WhimbrelException.of(
              ErrorCode.DIMENSION_MISMATCH,
              path + " dimension",
              vector.dimension(),
              dimension + ", space " + vector.spaceId());
        }
        for (float value : vector.values()) {
          if (!Float.isFinite(value)) {
            throw WhimbrelException.of(ErrorCode.NOT_FINITE, path, value, "finite numbers");
          }
        }
      }
    }
  }

  private static CollectionInfo.FieldInfo field(CollectionInfo collection, String field) {
    return collection.fields().stream()
        .filter(one -> one.name().equals(field))
        .findFirst()
        .orElseThrow(() ->
            WhimbrelException.of(
                ErrorCode.UNKNOWN_FIELD,
                "field",
                '"' + field + '"',
                "one of "
                    + collection.fields().stream().map(CollectionInfo.FieldInfo::name).toList()));
  }

  private static WhimbrelException notFound(String collection, String name) {
    return WhimbrelException.of(
        ErrorCode.GOLDEN_SET_NOT_FOUND,
        "golden_set",
        '"' + name + '"',
        "a golden set of collection \"" + collection + '"');
  }

  /// A collection that is made again under the same name does not inherit sets.
  private static String collectionKey(CollectionInfo collection) {
    return Long.toHexString(collection.createdSeq()) + '/';
  }

  private static String key(CollectionInfo collection, String name) {
    return collectionKey(collection) + name + '/';
  }

  private static byte[] encode(GoldenSetInfo info) {
    return new RecordWriter()
        .text(info.field())
        .text(info.name())
        .varint(info.queries())
        .varint(info.judgments())
        .toBytes();
  }

  private static GoldenSetInfo decode(String collection, byte[] row) throws StorageException {
    RecordReader in = new RecordReader(row);
    return new GoldenSetInfo(collection, in.text(), in.text(), in.varint(), in.varint());
  }
}
