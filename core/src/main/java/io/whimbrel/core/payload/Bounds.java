package io.whimbrel.core.payload;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.PayloadIndexSpec;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.ScalarType;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.PointRecord;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/// What the indexes say about a filter.
///
/// @param certain points that meet it
/// @param possible points that may; no others do. Equal to `certain` when indexes answer everything
/// @param unindexed paths that no ready index answers
public record Bounds(IdSet certain, IdSet possible, Set<String> unindexed) {
  /// Points whose payload must be read.
  public IdSet open() {
    return certain == possible ? IdSet.EMPTY : possible.without(certain);
  }

  public boolean exact() {
    return certain == possible || certain.count() == possible.count();
  }

  /// Asks the indexes of `snapshot`.
  ///
  /// @param ids internal ids of the points that the filter names; others do not exist
  /// @param fields names a vector field's version that answers queries, or refuses the name
  public static Bounds of(
      Filter filter,
      PayloadSnapshot snapshot,
      Map<PointId, Long> ids,
      Function<String, PointRecord.VectorRef> fields) {
    Evaluation evaluation = new Evaluation(snapshot, ids, fields);
    Pair pair = evaluation.of(filter);
    return new Bounds(pair.certain(), pair.possible(), evaluation.unindexed);
  }

  private record Pair(IdSet certain, IdSet possible) {
    static Pair exact(IdSet ids) {
      return new Pair(ids, ids);
    }

    boolean isExact() {
      return certain == possible;
    }

    static Pair of(IdSet certain, IdSet possible) {
      return certain.count() == possible.count() ? exact(certain) : new Pair(certain, possible);
    }
  }

  private static final class Evaluation {
    private final PayloadSnapshot snapshot;
    private final Map<PointId, Long> ids;
    private final Function<String, PointRecord.VectorRef> fields;
    private final Set<String> unindexed = new TreeSet<>();

    Evaluation(
        PayloadSnapshot snapshot,
        Map<PointId, Long> ids,
        Function<String, PointRecord.VectorRef> fields) {
      this.snapshot = snapshot;
      this.ids = ids;
      this.fields = fields;
    }

    Pair of(Filter filter) {
      return switch (filter) {
        case Filter.All _ -> Pair.exact(snapshot.points());
        case Filter.And and -> and(and.filters());
        case Filter.Or or -> or(or.filters());
        case Filter.Not not -> not(of(not.filter()));
        case Filter.AtLeast atLeast -> atLeast(atLeast);
        case Filter.Match match -> {
          for (Value value : match.anyOf()) {
            checkType(match.path(), ScalarType.of(value).orElseThrow());
          }
          yield indexed(match.path(), index -> index.match(match));
        }
        case Filter.Range range -> {
          checkType(range.path(), range.type());
          yield indexed(range.path(), index -> index.range(range));
        }
        case Filter.Exists exists -> indexed(exists.path(), PathIndex::exists);
        case Filter.IsNull isNull -> indexed(isNull.path(), PathIndex::isNull);
        case Filter.IsEmpty isEmpty ->
            indexed(isEmpty.path(), index -> snapshot.points().without(index.filled()));
        case Filter.ValuesCount count -> indexed(count.path(), index -> count(index, count));
        case Filter.HasId hasId -> Pair.exact(hasId(hasId));
        case Filter.HasVector hasVector ->
            Pair.exact(snapshot.withVector(fields.apply(hasVector.field())));
        case Filter.Prefix prefix -> {
          checkType(prefix.path(), ScalarType.KEYWORD);
          yield indexed(prefix.path(), index -> index.prefix(prefix));
        }
        case Filter.Contains contains -> {
          checkType(contains.path(), ScalarType.KEYWORD);
          yield indexed(contains.path(), index -> index.contains(contains));
        }
      };
    }

    private Pair indexed(FieldPath path, Function<PathIndex, IdSet> answer) {
      PathIndex index = snapshot.indexes().get(path.steps());
      if (index == null) {
        unindexed.add(path.text());
        return Pair.of(IdSet.EMPTY, snapshot.points());
      }
      return Pair.exact(answer.apply(index));
    }

    private void checkType(FieldPath path, ScalarType type) {
      PayloadIndexSpec spec = snapshot.declared().get(path.steps());
      if (spec != null && spec.type() != type) {
        throw WhimbrelException.of(
            ErrorCode.TYPE_MISMATCH,
            "filter " + path,
            type,
            spec.type() + ", the type that \"" + path + "\" is indexed with");
      }
    }

    private IdSet count(PathIndex index, Filter.ValuesCount count) {
      if (count.atLeast() > 0) {
        return index.counts(count.atLeast(), count.atMost());
      }
      // Points without any value are in no set; they are what the others leave.
      return count.atMost().isEmpty()
          ? snapshot.points()
          : snapshot
              .points()
              .without(index.counts(count.atMost().getAsLong() + 1, OptionalLong.empty()));
    }

    private IdSet hasId(Filter.HasId hasId) {
      long[] found =
          hasId.ids().stream()
              .map(ids::get)
              .filter(id -> id != null)
              .mapToLong(Long::longValue)
              .sorted()
              .toArray();
      return IdSet.ofSorted(found).and(snapshot.points());
    }

    private Pair and(List<Filter> filters) {
      IdSet certain = snapshot.points();
      IdSet possible = snapshot.points();
      for (Filter filter : filters) {
        Pair pair = of(filter);
        boolean exact = certain == possible && pair.isExact();
        certain = certain.and(pair.certain());
        possible = exact ? certain : possible.and(pair.possible());
      }
      return Pair.of(certain, possible);
    }

    private Pair or(List<Filter> filters) {
      List<IdSet> certain = new ArrayList<>();
      List<IdSet> possible = new ArrayList<>();
      boolean exact = split(filters, certain, possible);
      IdSet union = IdSet.union(certain);
      return exact ? Pair.exact(union) : Pair.of(union, IdSet.union(possible));
    }

    private Pair not(Pair pair) {
      IdSet certain = snapshot.points().without(pair.possible());
      return pair.isExact()
          ? Pair.exact(certain)
          : Pair.of(certain, snapshot.points().without(pair.certain()));
    }

    private Pair atLeast(Filter.AtLeast atLeast) {
      List<IdSet> certain = new ArrayList<>();
      List<IdSet> possible = new ArrayList<>();
      boolean exact = split(atLeast.filters(), certain, possible);
      IdSet met = IdSet.atLeast(atLeast.count(), certain);
      return exact ? Pair.exact(met) : Pair.of(met, IdSet.atLeast(atLeast.count(), possible));
    }

    /// Whether indexes answer all of them.
    private boolean split(List<Filter> filters, List<IdSet> certain, List<IdSet> possible) {
      boolean exact = true;
      for (Filter filter : filters) {
        Pair pair = of(filter);
        certain.add(pair.certain());
        possible.add(pair.possible());
        exact &= pair.isExact();
      }
      return exact;
    }
  }

  /// The points that a filter names.
  public static Set<PointId> namedIds(Filter filter) {
    Set<PointId> named = new HashSet<>();
    collectIds(filter, named);
    return named;
  }

  private static void collectIds(Filter filter, Set<PointId> named) {
    switch (filter) {
      case Filter.HasId hasId -> named.addAll(hasId.ids());
      case Filter.And and -> and.filters().forEach(child -> collectIds(child, named));
      case Filter.Or or -> or.filters().forEach(child -> collectIds(child, named));
      case Filter.Not not -> collectIds(not.filter(), named);
      case Filter.AtLeast atLeast -> atLeast.filters().forEach(child -> collectIds(child, named));
      case Filter.All _,
          Filter.Match _,
          Filter.Range _,
          Filter.Exists _,
          Filter.IsNull _,
          Filter.IsEmpty _,
          Filter.ValuesCount _,
          Filter.HasVector _,
          Filter.Prefix _,
          Filter.Contains _ -> {}
    }
  }
}
