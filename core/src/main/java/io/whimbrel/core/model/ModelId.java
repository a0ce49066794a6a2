package io.whimbrel.core.model;

/// Which model made the vectors. Parts may be empty when the user does not say.
public record ModelId(String provider, String name, String revision) {
  public static final ModelId UNNAMED = new ModelId("", "", "");

  public ModelId {
    Limits.checkRange("model.provider", provider.length(), 0, Limits.MODEL_PART_BYTES_MAX);
    Limits.checkRange("model.name", name.length(), 0, Limits.MODEL_PART_BYTES_MAX);
    Limits.checkRange("model.revision", revision.length(), 0, Limits.MODEL_PART_BYTES_MAX);
  }

  @Override
  public String toString() {
    return provider + "/" + name + (revision.isEmpty() ? "" : "@" + revision);
  }
}
