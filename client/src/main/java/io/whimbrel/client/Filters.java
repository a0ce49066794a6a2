package io.whimbrel.client;

import io.whimbrel.client.internal.FilterParser;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Makes filters, from Java or from text. Plain objects become values as by {@link Value#of}.
 *
 * <pre>{@code
 * Filters.and(Filters.match("lang", "en"), Filters.atLeast("year", 1999))
 * Filters.parse("lang = 'en' and year >= 1999")
 * }</pre>
 */
public final class Filters {
  private Filters() {}

  /**
   * The filter that a text says, in the grammar of docs/FILTERS.md. A malformed one is refused with
   * INVALID_ARGUMENT, the place and what was expected there. Values are never spliced into such a
   * text by this library; build filters of user input by the other methods.
   */
  public static Filter parse(String text) {
    return FilterParser.parse(text);
  }

  /** All of the filters. */
  public static Filter and(Filter... filters) {
    return new Filter.And(List.of(filters));
  }

  /** One of the filters, or more. */
  public static Filter or(Filter... filters) {
    return new Filter.Or(List.of(filters));
  }

  public static Filter not(Filter filter) {
    return new Filter.Not(filter);
  }

  /** At least {@code count} of the filters. */
  public static Filter atLeast(int count, Filter... filters) {
    return new Filter.AtLeast(count, List.of(filters));
  }

  /** A value equals {@code value}. */
  public static Filter match(String path, Object value) {
    return new Filter.Match(path, List.of(Value.of(value)));
  }

  /** A value equals one of {@code values}. */
  public static Filter anyOf(String path, Collection<?> values) {
    return new Filter.Match(path, values.stream().map(Value::of).toList());
  }

  /** No value equals one of {@code values}; true for a point without the field. */
  public static Filter noneOf(String path, Collection<?> values) {
    return not(anyOf(path, values));
  }

  public static Filter above(String path, Object value) {
    return new Filter.Range(path, bound(value, false), Optional.empty());
  }

  public static Filter atLeast(String path, Object value) {
    return new Filter.Range(path, bound(value, true), Optional.empty());
  }

  public static Filter below(String path, Object value) {
    return new Filter.Range(path, Optional.empty(), bound(value, false));
  }

  public static Filter atMost(String path, Object value) {
    return new Filter.Range(path, Optional.empty(), bound(value, true));
  }

  /** From {@code from} to {@code to}, both included. */
  public static Filter between(String path, Object from, Object to) {
    return new Filter.Range(path, bound(from, true), bound(to, true));
  }

  private static Optional<Filter.Bound> bound(Object value, boolean inclusive) {
    return Optional.of(new Filter.Bound(Value.of(value), inclusive));
  }

  public static Filter exists(String path) {
    return new Filter.Exists(path);
  }

  public static Filter isNull(String path) {
    return new Filter.IsNull(path);
  }

  public static Filter isEmpty(String path) {
    return new Filter.IsEmpty(path);
  }

  /** At least so many values. */
  public static Filter valuesAtLeast(String path, int count) {
    return new Filter.ValuesCount(path, count, OptionalInt.empty());
  }

  /** Between {@code atLeast} and {@code atMost} values, both included. */
  public static Filter valuesCount(String path, int atLeast, int atMost) {
    return new Filter.ValuesCount(path, atLeast, OptionalInt.of(atMost));
  }

  public static Filter hasId(PointId... ids) {
    return new Filter.HasId(List.of(ids));
  }

  public static Filter hasVector(String field) {
    return new Filter.HasVector(field);
  }

  public static Filter prefix(String path, String prefix) {
    return new Filter.Prefix(path, prefix);
  }

  public static Filter contains(String path, String text) {
    return new Filter.Contains(path, text);
  }
}
