package io.whimbrel.client.internal;

import io.whimbrel.client.Filter;
import io.whimbrel.proto.v1.AtLeast;
import io.whimbrel.proto.v1.ContainsCondition;
import io.whimbrel.proto.v1.ExistsCondition;
import io.whimbrel.proto.v1.FilterList;
import io.whimbrel.proto.v1.HasIdCondition;
import io.whimbrel.proto.v1.HasVectorCondition;
import io.whimbrel.proto.v1.IsEmptyCondition;
import io.whimbrel.proto.v1.IsNullCondition;
import io.whimbrel.proto.v1.MatchCondition;
import io.whimbrel.proto.v1.PrefixCondition;
import io.whimbrel.proto.v1.RangeCondition;
import io.whimbrel.proto.v1.ValuesCountCondition;
import java.util.List;

/** Filters to messages. */
public final class FilterWire {
  private FilterWire() {}

  public static io.whimbrel.proto.v1.Filter encode(Filter filter) {
    io.whimbrel.proto.v1.Filter.Builder message = io.whimbrel.proto.v1.Filter.newBuilder();
    if (filter instanceof Filter.And and) {
      message.setAnd(FilterList.newBuilder().addAllFilters(encode(and.filters())));
    } else if (filter instanceof Filter.Or or) {
      message.setOr(FilterList.newBuilder().addAllFilters(encode(or.filters())));
    } else if (filter instanceof Filter.Not not) {
      message.setNot(encode(not.filter()));
    } else if (filter instanceof Filter.AtLeast atLeast) {
      message.setAtLeast(
          AtLeast.newBuilder().setCount(atLeast.count()).addAllFilters(encode(atLeast.filters())));
    } else if (filter instanceof Filter.Match match) {
      message.setMatch(
          MatchCondition.newBuilder()
              .setPath(match.path())
              .addAllAnyOf(match.anyOf().stream().map(ValueWire::encode).toList()));
    } else if (filter instanceof Filter.Range range) {
      message.setRange(encode(range));
    } else if (filter instanceof Filter.Exists exists) {
      message.setExists(ExistsCondition.newBuilder().setPath(exists.path()));
    } else if (filter instanceof Filter.IsNull isNull) {
      message.setIsNull(IsNullCondition.newBuilder().setPath(isNull.path()));
    } else if (filter instanceof Filter.IsEmpty isEmpty) {
      message.setIsEmpty(IsEmptyCondition.newBuilder().setPath(isEmpty.path()));
    } else if (filter instanceof Filter.ValuesCount count) {
      ValuesCountCondition.Builder condition =
          ValuesCountCondition.newBuilder().setPath(count.path()).setAtLeast(count.atLeast());
      count.atMost().ifPresent(condition::setAtMost);
      message.setValuesCount(condition);
    } else if (filter instanceof Filter.HasId hasId) {
      message.setHasId(HasIdCondition.newBuilder().addAllIds(ValueWire.encodeIds(hasId.ids())));
    } else if (filter instanceof Filter.HasVector hasVector) {
      message.setHasVector(HasVectorCondition.newBuilder().setField(hasVector.field()));
    } else if (filter instanceof Filter.Prefix prefix) {
      message.setPrefix(
          PrefixCondition.newBuilder().setPath(prefix.path()).setPrefix(prefix.prefix()));
    } else if (filter instanceof Filter.Contains contains) {
      message.setContains(
          ContainsCondition.newBuilder().setPath(contains.path()).setText(contains.text()));
    }
    return message.build();
  }

  private static List<io.whimbrel.proto.v1.Filter> encode(List<Filter> filters) {
    return filters.stream().map(FilterWire::encode).toList();
  }

  private static RangeCondition encode(Filter.Range range) {
    RangeCondition.Builder message = RangeCondition.newBuilder().setPath(range.path());
    range
        .lower()
        .ifPresent(bound -> {
          if (bound.inclusive()) {
            message.setGreaterOrEqual(ValueWire.encode(bound.value()));
          } else {
            message.setGreaterThan(ValueWire.encode(bound.value()));
          }
        });
    range
        .upper()
        .ifPresent(bound -> {
          if (bound.inclusive()) {
            message.setLessOrEqual(ValueWire.encode(bound.value()));
          } else {
            message.setLessThan(ValueWire.encode(bound.value()));
          }
        });
    return message.build();
  }
}
