package io.whimbrel.server.wire;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.FieldPath;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.FilterList;
import io.whimbrel.proto.v1.MatchCondition;
import io.whimbrel.proto.v1.RangeCondition;
import io.whimbrel.proto.v1.ValuesCountCondition;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// Filters.
public final class FilterWire {
  private FilterWire() {}

  /// The filter of a request, or every point when there is none.
  static Filter filter(boolean given, io.whimbrel.proto.v1.Filter message) {
    if (!given) {
      return Filter.ALL;
    }
    Limits.checkRange("filter depth", depth(message), 1, Limits.FILTER_DEPTH_MAX);
    Filter filter;
    try {
      filter = filter(message);
    } catch (WhimbrelException e) {
      throw Form.within("filter", e);
    }
    Filter.check("filter", filter);
    return filter;
  }

  /// Looked at first, so that the path of a refusal stays short. The protobuf parser bounds it.
  private static int depth(io.whimbrel.proto.v1.Filter message) {
    List<io.whimbrel.proto.v1.Filter> below =
        switch (message.getNodeCase()) {
          case AND -> message.getAnd().getFiltersList();
          case OR -> message.getOr().getFiltersList();
          case NOT -> List.of(message.getNot());
          case AT_LEAST -> message.getAtLeast().getFiltersList();
          case MATCH,
              RANGE,
              EXISTS,
              IS_NULL,
              IS_EMPTY,
              VALUES_COUNT,
              HAS_ID,
              HAS_VECTOR,
              PREFIX,
              CONTAINS,
              NODE_NOT_SET ->
              List.of();
        };
    return 1 + below.stream().mapToInt(FilterWire::depth).max().orElse(0);
  }

  private static Filter filter(io.whimbrel.proto.v1.Filter message) {
    Form.known(message);
    return switch (message.getNodeCase()) {
      case AND -> new Filter.And(filters("and", message.getAnd()));
      case OR -> new Filter.Or(filters("or", message.getOr()));
      case NOT -> {
        try {
          yield new Filter.Not(filter(message.getNot()));
        } catch (WhimbrelException e) {
          throw Form.within("not", e);
        }
      }
      case AT_LEAST -> {
        Form.known(message.getAtLeast());
        List<Filter> filters = filters("at_least", message.getAtLeast().getFiltersList());
        yield new Filter.AtLeast(
            Form.range("at_least.count", message.getAtLeast().getCount(), 1, filters.size()),
            filters);
      }
      case MATCH -> match(message.getMatch());
      case RANGE -> range(message.getRange());
      case EXISTS -> {
        Form.known(message.getExists());
        yield new Filter.Exists(path("exists", message.getExists().getPath()));
      }
      case IS_NULL -> {
        Form.known(message.getIsNull());
        yield new Filter.IsNull(path("is_null", message.getIsNull().getPath()));
      }
      case IS_EMPTY -> {
        Form.known(message.getIsEmpty());
        yield new Filter.IsEmpty(path("is_empty", message.getIsEmpty().getPath()));
      }
      case VALUES_COUNT -> count(message.getValuesCount());
      case HAS_ID -> {
        Form.known(message.getHasId());
        yield new Filter.HasId(ids(message.getHasId().getIdsList()));
      }
      case HAS_VECTOR -> {
        Form.known(message.getHasVector());
        yield new Filter.HasVector(QueryWire.fieldName(message.getHasVector().getField()));
      }
      case PREFIX -> {
        Form.known(message.getPrefix());
        yield new Filter.Prefix(
            path("prefix", message.getPrefix().getPath()), message.getPrefix().getPrefix());
      }
      case CONTAINS -> {
        Form.known(message.getContains());
        yield new Filter.Contains(
            path("contains", message.getContains().getPath()), message.getContains().getText());
      }
      case NODE_NOT_SET -> throw Form.missing("node", "a condition");
    };
  }

  private static FieldPath path(String condition, String path) {
    return FieldPath.parse(condition + ".path", path);
  }

  private static List<Filter> filters(String node, FilterList message) {
    Form.known(message);
    return filters(node, message.getFiltersList());
  }

  private static List<Filter> filters(String node, List<io.whimbrel.proto.v1.Filter> messages) {
    Limits.checkRange(node + ".filters", messages.size(), 1, Limits.FILTER_NODES_MAX);
    List<Filter> filters = new ArrayList<>(messages.size());
    for (int i = 0; i < messages.size(); i++) {
      try {
        filters.add(filter(messages.get(i)));
      } catch (WhimbrelException e) {
        throw Form.within(node + ".filters[" + i + "]", e);
      }
    }
    return filters;
  }

  private static Filter match(MatchCondition message) {
    Form.known(message);
    Limits.checkRange("match.any_of", message.getAnyOfCount(), 1, Limits.FILTER_VALUES_MAX);
    List<Value> values = new ArrayList<>(message.getAnyOfCount());
    for (int i = 0; i < message.getAnyOfCount(); i++) {
      try {
        values.add(ValueWire.value(message.getAnyOf(i)));
      } catch (WhimbrelException e) {
        throw Form.within("match.any_of[" + i + "]", e);
      }
    }
    return new Filter.Match(path("match", message.getPath()), values);
  }

  private static Filter range(RangeCondition message) {
    Form.known(message);
    Optional<Filter.Bound> lower =
        bound(
            "greater",
            message.hasGreaterThan(),
            message.getGreaterThan(),
            message.hasGreaterOrEqual(),
            message.getGreaterOrEqual());
    Optional<Filter.Bound> upper =
        bound(
            "less",
            message.hasLessThan(),
            message.getLessThan(),
            message.hasLessOrEqual(),
            message.getLessOrEqual());
    return new Filter.Range(path("range", message.getPath()), lower, upper);
  }

  private static Optional<Filter.Bound> bound(
      String side,
      boolean hasExclusive,
      io.whimbrel.proto.v1.Value exclusive,
      boolean hasInclusive,
      io.whimbrel.proto.v1.Value inclusive) {
    if (hasExclusive && hasInclusive) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "range",
          side + "_than and " + side + "_or_equal",
          "one bound on each side");
    }
    if (!hasExclusive && !hasInclusive) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Filter.Bound(ValueWire.value(hasInclusive ? inclusive : exclusive), hasInclusive));
    } catch (WhimbrelException e) {
      throw Form.within("range." + side + (hasInclusive ? "_or_equal" : "_than"), e);
    }
  }

  private static Filter count(ValuesCountCondition message) {
    Form.known(message);
    return new Filter.ValuesCount(
        path("values_count", message.getPath()),
        Integer.toUnsignedLong(message.getAtLeast()),
        message.hasAtMost()
            ? OptionalLong.of(Integer.toUnsignedLong(message.getAtMost()))
            : OptionalLong.empty());
  }

  private static Set<PointId> ids(List<io.whimbrel.proto.v1.PointId> messages) {
    try {
      return new HashSet<>(PointWire.ids(messages));
    } catch (WhimbrelException e) {
      throw Form.within("has_id", e);
    }
  }
}
