package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// The collections by name. Changed by the sequencer alone; a reader gets a map that no longer
/// changes.
public final class Catalog {
  private volatile Map<String, LiveCollection> byName;

  Catalog(Collection<LiveCollection> collections) {
    Map<String, LiveCollection> map = new TreeMap<>();
    collections.forEach(collection -> map.put(collection.name(), collection));
    this.byName = map;
  }

  public LiveCollection require(String name) {
    LiveCollection collection = byName.get(name);
    if (collection == null) {
      String shown = name.length() > 80 ? name.substring(0, 80) + "..." : name;
      throw WhimbrelException.of(
          ErrorCode.COLLECTION_NOT_FOUND,
          "collection",
          '"' + shown + '"',
          "the name of an existing collection");
    }
    return collection;
  }

  boolean contains(String name) {
    return byName.containsKey(name);
  }

  /// Whether `collection` is still the one of its name, and was not dropped or made anew.
  boolean holds(LiveCollection collection) {
    return byName.get(collection.name()) == collection;
  }

  /// In name order.
  public List<LiveCollection> all() {
    return List.copyOf(byName.values());
  }

  void add(LiveCollection collection) {
    Map<String, LiveCollection> map = new TreeMap<>(byName);
    map.put(collection.name(), collection);
    byName = map;
  }

  void remove(LiveCollection collection) {
    Map<String, LiveCollection> map = new TreeMap<>(byName);
    map.remove(collection.name());
    byName = map;
  }

  /// Closes every index; running searches finish first.
  public void closeAll() {
    byName.values().forEach(LiveCollection::close);
  }
}
