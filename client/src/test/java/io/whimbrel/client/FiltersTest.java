package io.whimbrel.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class FiltersTest {
  @Test
  void everyConditionCanBeWritten() {
    check("year = 1999", Filters.match("year", 1999));
    check("year=-5", Filters.match("year", -5));
    check("score > 0.5", Filters.above("score", 0.5));
    check("score <= 1e-3", Filters.atMost("score", 1e-3));
    check("score >= 2.", Filters.atLeast("score", 2.0));
    check("n < 9223372036854775807", Filters.below("n", Long.MAX_VALUE));
    check("lang = 'en'", Filters.match("lang", "en"));
    check("lang != \"e'n\\n\\u00e4\"", Filters.not(Filters.match("lang", "e'n\nä")));
    check("ok = TRUE", Filters.match("ok", true));
    check("day = @2026-11-24", Filters.match("day", Instant.parse("2026-11-24T00:00:00Z")));
    check(
        "at between @2026-11-24T10:30:00Z and @2026-11-25",
        Filters.between(
            "at", Instant.parse("2026-11-24T10:30:00Z"), Instant.parse("2026-11-25T00:00:00Z")));
    check("lang in ('en', 'de')", Filters.anyOf("lang", List.of("en", "de")));
    check("lang not in (1)", Filters.noneOf("lang", List.of(1)));
    check("draft exists", Filters.exists("draft"));
    check("draft is null", Filters.isNull("draft"));
    check("draft is not empty", Filters.not(Filters.isEmpty("draft")));
    check("name starts with 'a'", Filters.prefix("name", "a"));
    check("name contains 'a'", Filters.contains("name", "a"));
    check("tags has 2 values", Filters.valuesCount("tags", 2, 2));
    check("tags has 2 to 5 values", Filters.valuesCount("tags", 2, 5));
    check("tags has 2 or more values", Filters.valuesAtLeast("tags", 2));
    check("id = 7", Filters.hasId(PointId.of(7)));
    check("id in ('a', 18446744073709551615)", Filters.hasId(PointId.of("a"), PointId.of(-1)));
    check("has vector title", Filters.hasVector("title"));
    check("authors[].`last.name` exists", Filters.exists("authors[].`last.name`"));
  }

  @Test
  void notBindsBeforeAndBeforeOr() {
    Filter a = Filters.exists("a");
    Filter b = Filters.exists("b");
    Filter c = Filters.exists("c");
    check("a exists or b exists and c exists", Filters.or(a, Filters.and(b, c)));
    check("not a exists and b exists", Filters.and(Filters.not(a), b));
    check("not (a exists OR b exists)", Filters.not(Filters.or(a, b)));
    check("at least 2 of (a exists, b exists, c exists)", Filters.atLeast(2, a, b, c));
    // Words of the grammar are field names where a field stands.
    check("`not` exists", Filters.exists("`not`"));
    check("has exists and at exists", Filters.and(Filters.exists("has"), Filters.exists("at")));
    check("ids.in exists", Filters.exists("ids.in"));
  }

  private static void check(String text, Filter expected) {
    assertThat(Filters.parse(text)).as(text).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "year 1999|\"1999\" at character 6|between",
        "year = |the end at character 7|a string in quotes",
        "year = 99999999999999999999|at character 8|int64",
        "lang = 'en|closing|the end",
        "lang = 'e\\x'|escape|at character",
        "(a exists|the end at character 10|)",
        "a exists b exists|\"b exists\" at character 10|and",
        "a in ()|\")\" at character 7|a string",
        "a is nothing|\"nothing\"|null, empty or not",
        "at least x of (a exists)|\"x of|digits",
        "a = @yesterday|\"yesterday\"|moment",
        "and|the end|=",
        "a[b] exists|\"[b] exists\" at character 2|has",
      })
  void aMalformedOneIsRefusedWithItsPlace(String text, String found, String expected) {
    assertThatThrownBy(() -> Filters.parse(text))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
        .hasMessageContaining(found)
        .hasMessageContaining(expected);
  }

  @Test
  void anyTextIsParsedOrRefused() {
    List<String> parts =
        List.of(
            "a",
            "and",
            "or",
            "not",
            "(",
            ")",
            "in",
            "=",
            "<",
            "'x'",
            "7",
            "1.5",
            "@2026-01-01",
            "exists",
            "is",
            "null",
            ",",
            "has",
            "vector",
            "at",
            "least",
            "of",
            "id",
            "`",
            "'",
            "values",
            "[]",
            ".",
            "\\",
            "\ud83d",
            "between");
    Random random = new Random(1);
    int parsed = 0;
    for (int i = 0; i < 20_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int j = random.nextInt(8); j >= 0; j--) {
        text.append(parts.get(random.nextInt(parts.size())))
            .append(random.nextInt(5) > 0 ? " " : "");
      }
      try {
        assertThat(Filters.parse(text.toString())).isNotNull();
        parsed++;
      } catch (WhimbrelException e) {
        assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
      }
    }
    assertThat(parsed).isPositive();
  }

  @Test
  void depthIsBounded() {
    String deep = "(".repeat(100_000) + "a exists";
    assertThatThrownBy(() -> Filters.parse(deep)).hasMessageContaining("levels");
    assertThatThrownBy(() -> Filters.parse("not ".repeat(100_000) + "a exists"))
        .hasMessageContaining("levels");
  }
}
