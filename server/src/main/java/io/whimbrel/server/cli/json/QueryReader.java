package io.whimbrel.server.cli.json;

import com.fasterxml.jackson.core.JsonToken;
import io.whimbrel.client.FieldSpec;
import io.whimbrel.client.Filter;
import io.whimbrel.client.Filters;
import io.whimbrel.client.Prefetch;
import io.whimbrel.client.Query;
import io.whimbrel.client.QueryInput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// Reads a query tree from one JSON document in memory: the names are those of the wire, filters
/// are texts, ids and vectors as in a point. One thread.
public final class QueryReader implements AutoCloseable {
  private final JsonReader in;

  public QueryReader(byte[] json, int length) throws IOException {
    this.in = new JsonReader(json, length);
  }

  /// Reads the whole document as a stage with those below it.
  public Query read() throws IOException {
    in.next();
    Query query = node("query");
    in.expectEnd();
    return query;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }

  /// Reads the value of one key of an object.
  @FunctionalInterface
  private interface Key {
    /// False when there is no such key.
    boolean read(String key, String path) throws IOException;
  }

  /// Reads an object, of which the first token is current; `known` lists its keys.
  private void object(String path, String known, Key each) throws IOException {
    in.expect(JsonToken.START_OBJECT, path, "an object");
    while (in.next() != JsonToken.END_OBJECT) {
      String key = in.key();
      in.next();
      if (!each.read(key, path + "." + key)) {
        throw in.refuse(path, "key \"" + key + '"', known);
      }
    }
  }

  private Query node(String path) throws IOException {
    @Nullable Query[] variant = {null};
    List<Prefetch> prefetch = new ArrayList<>();
    String variants = "nearest, recommend, fusion, text, mmr, order_by or sample";
    object(
        path,
        variants + ", and prefetch",
        (key, at) -> {
          if (key.equals("prefetch")) {
            in.expect(JsonToken.START_ARRAY, at, "a list of stages");
            while (in.next() != JsonToken.END_ARRAY) {
              prefetch.add(prefetch(at + "[" + prefetch.size() + "]"));
            }
            return true;
          }
          Optional<Query> query = variant(key, at);
          if (query.isPresent() && variant[0] != null) {
            throw in.refuse(path, "several of " + variants, "one");
          }
          query.ifPresent(found -> variant[0] = found);
          return query.isPresent();
        });
    if (variant[0] == null) {
      throw in.refuse(path, "no kind of query", variants);
    }
    return over(variant[0], prefetch);
  }

  private Optional<Query> variant(String key, String path) throws IOException {
    return switch (key) {
      case "nearest" -> Optional.of(nearest(path));
      case "recommend" -> Optional.of(recommend(path));
      case "fusion" -> Optional.of(fusion(path));
      case "text" -> Optional.of(text(path));
      case "mmr" -> Optional.of(mmr(path));
      case "order_by" -> Optional.of(orderBy(path));
      case "sample" -> Optional.of(sample(path));
      default -> Optional.empty();
    };
  }

  private static Query over(Query query, List<Prefetch> prefetch) {
    return switch (query) {
      case Query.Nearest q ->
          new Query.Nearest(q.field(), q.version(), q.input(), q.searchDims(), prefetch);
      case Query.Recommend q ->
          new Query.Recommend(
              q.field(), q.version(), q.positives(), q.negatives(), q.strategy(), prefetch);
      case Query.Fusion q -> new Query.Fusion(q.rankConstant(), q.weights(), prefetch);
      case Query.Mmr q ->
          new Query.Mmr((Query.Nearest) over(q.nearest(), prefetch), q.diversity(), q.candidates());
      case Query.OrderBy q -> new Query.OrderBy(q.path(), q.descending(), prefetch);
      case Query.Sample q -> new Query.Sample(q.seed(), prefetch);
      case Query.Text q -> new Query.Text(q.path(), q.text(), prefetch);
    };
  }

  private Prefetch prefetch(String path) throws IOException {
    @Nullable Query[] query = {null};
    int[] limit = {100};
    @Nullable Filter[] filter = {null};
    OptionalDouble[] threshold = {OptionalDouble.empty()};
    OptionalInt[] ef = {OptionalInt.empty()};
    boolean[] exact = {false};
    object(
        path,
        "query, limit, filter, score_threshold, ef, exact",
        (key, at) -> {
          switch (key) {
            case "query" -> query[0] = node(at);
            case "limit" -> limit[0] = (int) in.whole(at, 1, Integer.MAX_VALUE);
            case "filter" -> {
              String text = in.string(at);
              filter[0] = in.checked(() -> Filters.parse(text));
            }
            case "score_threshold" -> threshold[0] = OptionalDouble.of(in.real(at));
            case "ef" -> ef[0] = OptionalInt.of((int) in.whole(at, 1, Integer.MAX_VALUE));
            case "exact" -> exact[0] = in.truth(at);
            default -> {
              return false;
            }
          }
          return true;
        });
    if (query[0] == null) {
      throw in.refuse(path + ".query", "missing", "a query");
    }
    return new Prefetch(
        query[0], limit[0], Optional.ofNullable(filter[0]), threshold[0], ef[0], exact[0]);
  }

  private Query.Nearest nearest(String path) throws IOException {
    String[] field = {FieldSpec.DEFAULT_NAME};
    int[] version = {0};
    int[] dims = {0};
    @Nullable QueryInput[] input = {null};
    object(
        path,
        "field, version, vector or id, search_dims",
        (key, at) -> {
          switch (key) {
            case "field" -> field[0] = in.string(at);
            case "version" -> version[0] = (int) in.whole(at, 0, Integer.MAX_VALUE);
            case "search_dims" -> dims[0] = (int) in.whole(at, 0, Integer.MAX_VALUE);
            case "vector", "id" -> {
              if (input[0] != null) {
                throw in.refuse(path, "vector and id", "one of them");
              }
              input[0] = key.equals("id") ? QueryInput.of(in.id()) : QueryInput.of(in.vector(at));
            }
            default -> {
              return false;
            }
          }
          return true;
        });
    if (input[0] == null) {
      throw in.refuse(path, "neither vector nor id", "one of them");
    }
    return new Query.Nearest(field[0], version[0], input[0], dims[0], List.of());
  }

  private Query recommend(String path) throws IOException {
    String[] field = {FieldSpec.DEFAULT_NAME};
    int[] version = {0};
    List<QueryInput> positives = new ArrayList<>();
    List<QueryInput> negatives = new ArrayList<>();
    Query.Strategy[] strategy = {Query.Strategy.AVERAGE};
    object(
        path,
        "field, version, positives, negatives, strategy",
        (key, at) -> {
          switch (key) {
            case "field" -> field[0] = in.string(at);
            case "version" -> version[0] = (int) in.whole(at, 0, Integer.MAX_VALUE);
            case "positives" -> inputs(at, positives);
            case "negatives" -> inputs(at, negatives);
            case "strategy" ->
                strategy[0] =
                    switch (in.string(at)) {
                      case "average" -> Query.Strategy.AVERAGE;
                      case "best_score" -> Query.Strategy.BEST_SCORE;
                      default ->
                          throw in.refuse(at, "another word", "\"average\" or \"best_score\"");
                    };
            default -> {
              return false;
            }
          }
          return true;
        });
    return new Query.Recommend(field[0], version[0], positives, negatives, strategy[0], List.of());
  }

  /// A list is a vector, all else an id.
  private void inputs(String path, List<QueryInput> inputs) throws IOException {
    in.expect(JsonToken.START_ARRAY, path, "a list of ids and vectors");
    while (in.next() != JsonToken.END_ARRAY) {
      inputs.add(
          in.current() == JsonToken.START_ARRAY
              ? QueryInput.of(in.vector(path + "[" + inputs.size() + "]"))
              : QueryInput.of(in.id()));
    }
  }

  private Query fusion(String path) throws IOException {
    int[] constant = {Query.Fusion.RANK_CONSTANT_DEFAULT};
    List<Double> weights = new ArrayList<>();
    boolean[] given = {false};
    object(
        path,
        "rrf",
        (key, at) -> {
          if (!key.equals("rrf")) {
            return false;
          }
          given[0] = true;
          object(
              at,
              "rank_constant, weights",
              (inner, place) -> {
                switch (inner) {
                  case "rank_constant" -> constant[0] = (int) in.whole(place, 1, Integer.MAX_VALUE);
                  case "weights" -> {
                    in.expect(JsonToken.START_ARRAY, place, "a list of numbers");
                    while (in.next() != JsonToken.END_ARRAY) {
                      weights.add(in.real(place));
                    }
                  }
                  default -> {
                    return false;
                  }
                }
                return true;
              });
          return true;
        });
    if (!given[0]) {
      throw in.refuse(path, "no method", "rrf");
    }
    return new Query.Fusion(constant[0], weights, List.of());
  }

  private Query text(String path) throws IOException {
    String[] parts = {"", ""};
    object(
        path,
        "path, text",
        (key, at) -> {
          switch (key) {
            case "path" -> parts[0] = in.string(at);
            case "text" -> parts[1] = in.string(at);
            default -> {
              return false;
            }
          }
          return true;
        });
    return Query.text(parts[0], parts[1]);
  }

  private Query mmr(String path) throws IOException {
    Query.@Nullable Nearest[] nearest = {null};
    double[] diversity = {0};
    int[] candidates = {0};
    object(
        path,
        "nearest, diversity, candidates",
        (key, at) -> {
          switch (key) {
            case "nearest" -> nearest[0] = nearest(at);
            case "diversity" -> diversity[0] = in.real(at);
            case "candidates" -> candidates[0] = (int) in.whole(at, 0, Integer.MAX_VALUE);
            default -> {
              return false;
            }
          }
          return true;
        });
    if (nearest[0] == null) {
      throw in.refuse(path + ".nearest", "missing", "what the points are near to");
    }
    return new Query.Mmr(nearest[0], diversity[0], candidates[0]);
  }

  private Query orderBy(String path) throws IOException {
    String[] by = {""};
    boolean[] descending = {false};
    object(
        path,
        "path, descending",
        (key, at) -> {
          switch (key) {
            case "path" -> by[0] = in.string(at);
            case "descending" -> descending[0] = in.truth(at);
            default -> {
              return false;
            }
          }
          return true;
        });
    return Query.orderBy(by[0], descending[0]);
  }

  private Query sample(String path) throws IOException {
    long[] seed = {0};
    object(
        path,
        "seed",
        (key, at) -> {
          if (key.equals("seed")) {
            seed[0] = in.whole(at, Long.MIN_VALUE, Long.MAX_VALUE);
          }
          return key.equals("seed");
        });
    return Query.sample(seed[0]);
  }
}
