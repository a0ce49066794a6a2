package io.whimbrel.core.store;

/// The fixed column families of the store.
public enum Table {
  /// Counters, collections, request ids. RocksDB insists on this name.
  SYSTEM("default"),
  IDS("ids"),
  POINTS("points"),
  VECTORS("vectors"),
  LOG("log"),
  /// Backlogs, dead letters and history of migrations.
  MIGRATION("migration");

  private final String familyName;

  Table(String familyName) {
    this.familyName = familyName;
  }

  String familyName() {
    return familyName;
  }
}
