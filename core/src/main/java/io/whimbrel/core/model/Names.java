package io.whimbrel.core.model;

import java.util.regex.Pattern;

/// The naming rule of collections and fields: `[a-z0-9][a-z0-9_-]{0,62}`. Names never become file
/// names.
final class Names {
  private static final Pattern RULE = Pattern.compile("[a-z0-9][a-z0-9_-]{0,62}");

  private Names() {}

  static void check(String field, String name) {
    if (!RULE.matcher(name).matches()) {
      String shown = name.length() > 80 ? name.substring(0, 80) + "..." : name;
      throw WhimbrelException.of(ErrorCode.INVALID_NAME, field, '"' + shown + '"', RULE.pattern());
    }
  }
}
