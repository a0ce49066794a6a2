package io.whimbrel.client.internal;

import io.whimbrel.client.ErrorCode;
import io.whimbrel.client.Filter;
import io.whimbrel.client.Filters;
import io.whimbrel.client.PointId;
import io.whimbrel.client.Value;
import io.whimbrel.client.WhimbrelException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Filters from text, by recursive descent. The grammar is in docs/FILTERS.md; keywords may be in
 * either case.
 *
 * <pre>
 * filter    := and { "or" and }
 * and       := unary { "and" unary }
 * unary     := "not" unary | "(" filter ")" | "at" "least" INT "of" "(" filter { "," filter } ")"
 *            | "id" "in" "(" id { "," id } ")" | "id" "=" id | "has" "vector" NAME | condition
 * condition := PATH ( ("=" | "!=" | "&lt;" | "&lt;=" | "&gt;" | "&gt;=") value
 *            | ["not"] "in" "(" value { "," value } ")" | "between" value "and" value
 *            | "exists" | "is" ["not"] ("null" | "empty") | "starts" "with" STRING
 *            | "contains" STRING | "has" INT ["to" INT | "or" "more"] "values" )
 * value     := STRING | INT | DOUBLE | "true" | "false" | "@" MOMENT
 * </pre>
 */
public final class FilterParser {
  private static final int CHARS_MAX = 1 << 20;

  /** Deeper trees are refused by every server. */
  private static final int DEPTH_MAX = 64;

  private final String text;
  private int at;
  private int depth;

  private FilterParser(String text) {
    this.text = text;
  }

  public static Filter parse(String text) {
    FilterParser parser = new FilterParser(text);
    if (text.length() > CHARS_MAX) {
      throw parser.malformed("at most " + CHARS_MAX + " characters");
    }
    Filter filter = parser.filter();
    if (!parser.atEnd()) {
      throw parser.malformed("\"and\", \"or\" or the end");
    }
    return filter;
  }

  private Filter filter() {
    if (++depth > DEPTH_MAX) {
      throw malformed("at most " + DEPTH_MAX + " levels");
    }
    List<Filter> filters = new ArrayList<>();
    do {
      filters.add(and());
    } while (takeWord("or"));
    depth--;
    return filters.size() == 1 ? filters.get(0) : new Filter.Or(filters);
  }

  private Filter and() {
    List<Filter> filters = new ArrayList<>();
    do {
      filters.add(unary());
    } while (takeWord("and"));
    return filters.size() == 1 ? filters.get(0) : new Filter.And(filters);
  }

  private Filter unary() {
    if (takeWord("not")) {
      if (++depth > DEPTH_MAX) {
        throw malformed("at most " + DEPTH_MAX + " levels");
      }
      Filter negated = Filters.not(unary());
      depth--;
      return negated;
    }
    if (take("(")) {
      Filter filter = filter();
      expect(")");
      return filter;
    }
    int start = at;
    if (takeWord("at") && takeWord("least")) {
      return atLeast();
    }
    at = start;
    if (takeWord("has") && takeWord("vector")) {
      return Filters.hasVector(name());
    }
    at = start;
    if (takeWord("id") && (takeWord("in") || take("="))) {
      return ids(start);
    }
    at = start;
    return condition(path());
  }

  private Filter atLeast() {
    int count = count();
    expectWord("of");
    expect("(");
    List<Filter> filters = new ArrayList<>();
    do {
      filters.add(filter());
    } while (take(","));
    expect(")");
    return new Filter.AtLeast(count, filters);
  }

  private Filter ids(int start) {
    at = start;
    takeWord("id");
    if (take("=")) {
      return Filters.hasId(id());
    }
    takeWord("in");
    expect("(");
    List<PointId> ids = new ArrayList<>();
    do {
      ids.add(id());
    } while (take(","));
    expect(")");
    return new Filter.HasId(ids);
  }

  private PointId id() {
    if (atString()) {
      return PointId.of(string());
    }
    String number = digits();
    try {
      return PointId.of(Long.parseUnsignedLong(number));
    } catch (NumberFormatException e) {
      throw malformed("a string or an unsigned 64-bit number");
    }
  }

  private Filter condition(String path) {
    if (take("!=")) {
      return Filters.not(Filters.match(path, value()));
    }
    if (take("=")) {
      return Filters.match(path, value());
    }
    if (take("<=")) {
      return Filters.atMost(path, value());
    }
    if (take("<")) {
      return Filters.below(path, value());
    }
    if (take(">=")) {
      return Filters.atLeast(path, value());
    }
    if (take(">")) {
      return Filters.above(path, value());
    }
    if (takeWord("not")) {
      expectWord("in");
      return Filters.not(new Filter.Match(path, values()));
    }
    if (takeWord("in")) {
      return new Filter.Match(path, values());
    }
    if (takeWord("between")) {
      Value from = value();
      expectWord("and");
      return Filters.between(path, from, value());
    }
    if (takeWord("exists")) {
      return Filters.exists(path);
    }
    if (takeWord("is")) {
      return is(path);
    }
    if (takeWord("starts")) {
      expectWord("with");
      return Filters.prefix(path, string());
    }
    if (takeWord("contains")) {
      return Filters.contains(path, string());
    }
    if (takeWord("has")) {
      return valuesCount(path);
    }
    throw malformed(
        "=, !=, <, <=, >, >=, in, not in, between, exists, is, starts with, contains or has");
  }

  private Filter is(String path) {
    boolean not = takeWord("not");
    Filter filter;
    if (takeWord("null")) {
      filter = Filters.isNull(path);
    } else if (takeWord("empty")) {
      filter = Filters.isEmpty(path);
    } else {
      throw malformed(not ? "null or empty" : "null, empty or not");
    }
    return not ? Filters.not(filter) : filter;
  }

  private Filter valuesCount(String path) {
    int least = count();
    OptionalInt most = OptionalInt.of(least);
    if (takeWord("or")) {
      expectWord("more");
      most = OptionalInt.empty();
    } else if (takeWord("to")) {
      most = OptionalInt.of(count());
    }
    expectWord("values");
    return new Filter.ValuesCount(path, least, most);
  }

  private List<Value> values() {
    expect("(");
    List<Value> values = new ArrayList<>();
    do {
      values.add(value());
    } while (take(","));
    expect(")");
    return values;
  }

  private Value value() {
    if (atString()) {
      return new Value.StringValue(string());
    }
    if (takeWord("true")) {
      return new Value.BoolValue(true);
    }
    if (takeWord("false")) {
      return new Value.BoolValue(false);
    }
    if (take("@")) {
      return new Value.TimestampValue(moment());
    }
    return number();
  }

  private Value number() {
    skipSpace();
    int start = at;
    if (at < text.length() && (text.charAt(at) == '-' || text.charAt(at) == '+')) {
      at++;
    }
    boolean whole = true;
    boolean any = false;
    for (; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c >= '0' && c <= '9') {
        any = true;
      } else if (any && (c == '.' || c == 'e' || c == 'E')) {
        whole = false;
      } else if (!whole && (c == '-' || c == '+') && "eE".indexOf(text.charAt(at - 1)) >= 0) {
        continue;
      } else {
        break;
      }
    }
    String digits = text.substring(start, at);
    try {
      if (any) {
        return whole
            ? new Value.IntValue(Long.parseLong(digits))
            : new Value.DoubleValue(Double.parseDouble(digits));
      }
    } catch (NumberFormatException e) {
      // Refused below, where it starts.
    }
    at = start;
    throw malformed("a string in quotes, an int64, a double, true, false, or @ and a moment");
  }

  /** {@code 2026-11-24} or {@code 2026-11-24T10:30:00.5Z}. */
  private Instant moment() {
    int start = at;
    while (at < text.length()
        && (Character.isLetterOrDigit(text.charAt(at)) || "-+:.".indexOf(text.charAt(at)) >= 0)) {
      at++;
    }
    String moment = text.substring(start, at);
    try {
      return moment.indexOf('T') < 0
          ? LocalDate.parse(moment).atStartOfDay(ZoneOffset.UTC).toInstant()
          : Instant.parse(moment);
    } catch (DateTimeException e) {
      at = start;
      throw malformed("a moment like 2026-11-24 or 2026-11-24T10:30:00Z");
    }
  }

  private boolean atString() {
    skipSpace();
    return at < text.length() && (text.charAt(at) == '"' || text.charAt(at) == '\'');
  }

  /** In either quotes, with the escapes of JSON. */
  private String string() {
    if (!atString()) {
      throw malformed("a string in quotes");
    }
    char quote = text.charAt(at++);
    StringBuilder out = new StringBuilder();
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == quote) {
        return out.toString();
      }
      out.append(c == '\\' ? escaped() : c);
    }
    throw malformed("a closing " + quote);
  }

  private char escaped() {
    char c = at < text.length() ? text.charAt(at++) : ' ';
    switch (c) {
      case '"', '\'', '\\', '/':
        return c;
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'u':
        Optional<Character> unit = hex();
        if (unit.isPresent()) {
          return unit.get();
        }
        break;
      default:
        break;
    }
    at--;
    throw malformed("an escape: \\\" \\' \\\\ \\/ \\n \\t \\r \\b \\f or \\u and four hex digits");
  }

  private Optional<Character> hex() {
    int unit = 0;
    for (int i = 0; i < 4; i++) {
      int digit = at + i < text.length() ? Character.digit(text.charAt(at + i), 16) : -1;
      if (digit < 0) {
        return Optional.empty();
      }
      unit = 16 * unit + digit;
    }
    at += 4;
    return Optional.of((char) unit);
  }

  /** The path as it is written; the server takes it apart. */
  private String path() {
    skipSpace();
    int start = at;
    do {
      segment();
      while (text.startsWith("[]", at)) {
        at += 2;
      }
    } while (at < text.length() && text.charAt(at) == '.' && at++ >= 0);
    return text.substring(start, at);
  }

  private void segment() {
    if (at < text.length() && text.charAt(at) == '`') {
      at++;
      while (at < text.length()) {
        if (text.charAt(at++) == '`') {
          if (at == text.length() || text.charAt(at) != '`') {
            return;
          }
          at++;
        }
      }
      throw malformed("a closing backtick");
    }
    int start = at;
    while (at < text.length() && isNamePart(text.charAt(at))) {
      at++;
    }
    if (at == start) {
      throw malformed("a condition: a field, \"not\", or \"(\"");
    }
  }

  private String name() {
    skipSpace();
    int start = at;
    while (at < text.length() && isNamePart(text.charAt(at))) {
      at++;
    }
    if (at == start) {
      throw malformed("a name");
    }
    return text.substring(start, at);
  }

  private static boolean isNamePart(char c) {
    return Character.isLetterOrDigit(c) || Character.isSurrogate(c) || c == '_' || c == '-';
  }

  private String digits() {
    skipSpace();
    int start = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    if (at == start) {
      throw malformed("digits");
    }
    return text.substring(start, at);
  }

  private int count() {
    int start = at;
    try {
      return Integer.parseInt(digits());
    } catch (NumberFormatException e) {
      at = start;
      throw malformed("a number up to " + Integer.MAX_VALUE);
    }
  }

  private void skipSpace() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
  }

  private boolean atEnd() {
    skipSpace();
    return at == text.length();
  }

  private boolean take(String sign) {
    skipSpace();
    if (!text.startsWith(sign, at)) {
      return false;
    }
    at += sign.length();
    return true;
  }

  private void expect(String sign) {
    if (!take(sign)) {
      throw malformed('"' + sign + '"');
    }
  }

  /** A keyword that ends where it should. */
  private boolean takeWord(String word) {
    skipSpace();
    int end = at + word.length();
    if (end > text.length()
        || !text.substring(at, end).toLowerCase(Locale.ROOT).equals(word)
        || end < text.length()
            && (isNamePart(text.charAt(end)) || ".[`".indexOf(text.charAt(end)) >= 0)) {
      return false;
    }
    at = end;
    return true;
  }

  private void expectWord(String word) {
    if (!takeWord(word)) {
      throw malformed('"' + word + '"');
    }
  }

  private WhimbrelException malformed(String expected) {
    skipSpace();
    int end = Math.min(text.length(), at + 20);
    String found = at >= text.length() ? "the end" : '"' + text.substring(at, end) + '"';
    return WhimbrelException.refusal(
        ErrorCode.INVALID_ARGUMENT, "filter", found + " at character " + (at + 1), expected);
  }
}
