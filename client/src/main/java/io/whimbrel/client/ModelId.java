package io.whimbrel.client;

/** Which model made the vectors. Parts may be empty when the user does not say. */
public record ModelId(String provider, String name, String revision) {
  public static final ModelId UNNAMED = new ModelId("", "", "");

  @Override
  public String toString() {
    return provider + "/" + name + (revision.isEmpty() ? "" : "@" + revision);
  }
}
