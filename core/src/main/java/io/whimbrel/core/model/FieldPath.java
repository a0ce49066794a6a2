package io.whimbrel.core.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// Where in a payload a value stands: names of nested fields behind each other, `author.name`; `[]`
/// behind a name goes into each element of a list, `authors[].name`.
///
/// A name with other characters than letters, digits, `_` and `-` stands in backticks, a backtick
/// in it twice. A path leads to any number of values: to none where a field is absent, where `[]`
/// meets no list, or where a name is asked of something that is no object.
///
/// @param text the path as it is written
public record FieldPath(String text, List<Step> steps) {
  /// One name, and how many lists to go into behind it.
  public record Step(String name, int lists) {}

  public FieldPath {
    steps = List.copyOf(steps);
  }

  /// `field` is the request field to blame for a malformed path.
  public static FieldPath parse(String field, String text) {
    Limits.checkRange(field + " length", text.length(), 1, Limits.PATH_CHARS_MAX);
    return new FieldPath(text, new Parser(field, text).steps());
  }

  /// A path in the words of the core itself, for tests and examples.
  public static FieldPath of(String text) {
    return parse("path", text);
  }

  /// Tells every value that the path leads to, lists as wholes unless the path ends with `[]`.
  public void forEach(Map<String, Value> payload, Consumer<Value> each) {
    descend(payload, 0, each);
  }

  private void descend(Map<String, Value> fields, int at, Consumer<Value> each) {
    Value value = fields.get(steps.get(at).name());
    if (value != null) {
      enter(value, steps.get(at).lists(), at, each);
    }
  }

  private void enter(Value value, int lists, int at, Consumer<Value> each) {
    if (lists > 0) {
      if (value instanceof Value.ListValue list) {
        list.values().forEach(element -> enter(element, lists - 1, at, each));
      }
    } else if (at == steps.size() - 1) {
      each.accept(value);
    } else if (value instanceof Value.ObjectValue object) {
      descend(object.fields(), at + 1, each);
    }
  }

  @Override
  public String toString() {
    return text;
  }

  private static final class Parser {
    private final String field;
    private final String text;
    private int at;

    Parser(String field, String text) {
      this.field = field;
      this.text = text;
    }

    List<Step> steps() {
      List<Step> steps = new ArrayList<>();
      do {
        String name = name();
        int lists = 0;
        while (text.startsWith("[]", at)) {
          lists++;
          at += 2;
        }
        steps.add(new Step(name, lists));
        Limits.checkRange(field + " steps", steps.size() + (long) lists, 1, Limits.PATH_STEPS_MAX);
      } while (take('.'));
      if (at < text.length()) {
        throw malformed("'.' or \"[]\"");
      }
      return steps;
    }

    private String name() {
      if (take('`')) {
        StringBuilder name = new StringBuilder();
        while (at < text.length()) {
          char c = text.charAt(at++);
          if (c != '`') {
            name.append(c);
          } else if (!take('`')) {
            return name.toString();
          } else {
            name.append('`');
          }
        }
        throw malformed("a closing backtick");
      }
      int from = at;
      while (at < text.length() && isPlain(text.charAt(at))) {
        at++;
      }
      if (at == from) {
        throw malformed("a name; one with other signs stands in backticks");
      }
      return text.substring(from, at);
    }

    private static boolean isPlain(char c) {
      return Character.isLetterOrDigit(c) || Character.isSurrogate(c) || c == '_' || c == '-';
    }

    private boolean take(char c) {
      boolean there = at < text.length() && text.charAt(at) == c;
      at += there ? 1 : 0;
      return there;
    }

    private WhimbrelException malformed(String expected) {
      return WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, field, '"' + text + '"', expected + " at character " + at);
    }
  }
}
