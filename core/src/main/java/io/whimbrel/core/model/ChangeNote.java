package io.whimbrel.core.model;

/// Who asks for a change and why; kept in the history of a migration.
public record ChangeNote(String actor, String reason) {
  private static final int TEXT_CHARS_MAX = 1024;

  public ChangeNote {
    Limits.checkRange("actor", actor.length(), 0, TEXT_CHARS_MAX);
    Limits.checkRange("reason", reason.length(), 0, TEXT_CHARS_MAX);
  }

  /// A change that the server makes by itself.
  public static ChangeNote server(String reason) {
    return new ChangeNote("server", reason);
  }
}
