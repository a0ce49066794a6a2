package io.whimbrel.client;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a point must meet; made by {@link Filters}.
 *
 * <p>A path names nested payload fields with dots and goes into each element of a list with {@code
 * []}: {@code authors[].name}. Conditions on values look at each value that the path leads to and,
 * where that is a list, at its elements; one that fits is enough. Types never mix. A point without
 * the field meets no condition on its values, and so meets the {@link Not} of each.
 */
public sealed interface Filter {
  record And(List<Filter> filters) implements Filter {
    public And {
      filters = List.copyOf(filters);
    }
  }

  record Or(List<Filter> filters) implements Filter {
    public Or {
      filters = List.copyOf(filters);
    }
  }

  record Not(Filter filter) implements Filter {}

  /** At least {@code count} of the filters are met. */
  record AtLeast(int count, List<Filter> filters) implements Filter {
    public AtLeast {
      filters = List.copyOf(filters);
      Checks.atLeast("at_least.count", count, 1);
    }
  }

  /** A value equals one of these. */
  record Match(String path, List<Value> anyOf) implements Filter {
    public Match {
      anyOf = List.copyOf(anyOf);
    }
  }

  /**
   * A value of the bounds' type lies between them: a whole number, a double, a moment, or a string
   * in the order of its code points.
   */
  record Range(String path, Optional<Bound> lower, Optional<Bound> upper) implements Filter {}

  /** An end of a range. */
  record Bound(Value value, boolean inclusive) {}

  /** The path leads to a value, be it null. */
  record Exists(String path) implements Filter {}

  /** The path leads to an explicit null. */
  record IsNull(String path) implements Filter {}

  /** The path leads to nothing but null and empty lists, or to nothing at all. */
  record IsEmpty(String path) implements Filter {}

  /** The path leads to this many values: elements of a list count, null does not. */
  record ValuesCount(String path, int atLeast, OptionalInt atMost) implements Filter {
    public ValuesCount {
      Checks.atLeast("values_count.at_least", atLeast, 0);
      if (atMost.isPresent()) {
        Checks.atLeast("values_count.at_most", atMost.getAsInt(), atLeast);
      }
    }
  }

  record HasId(List<PointId> ids) implements Filter {
    public HasId {
      ids = List.copyOf(ids);
    }
  }

  /** The point has a vector in the version of the field that answers queries. */
  record HasVector(String field) implements Filter {}

  /** A string starts with {@code prefix}, letter by letter. */
  record Prefix(String path, String prefix) implements Filter {
    public Prefix {
      Checks.utf8Bytes(ErrorCode.INVALID_ARGUMENT, "prefix", prefix);
    }
  }

  /** A string has {@code text} somewhere in it, letter by letter. */
  record Contains(String path, String text) implements Filter {
    public Contains {
      Checks.utf8Bytes(ErrorCode.INVALID_ARGUMENT, "contains", text);
    }
  }
}
