package io.whimbrel.core.collection;

import io.whimbrel.core.model.Alias;
import io.whimbrel.core.model.AliasChange;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.WhimbrelException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// The collections by name, and the aliases that stand for them. Changed by the sequencer alone; a
/// reader gets maps that no longer change.
public final class Catalog {
  private volatile Shown shown;

  /// No name is in both. Aliases stand for collections of the first.
  private record Shown(
      SortedMap<String, LiveCollection> byName, SortedMap<String, LiveCollection> aliases) {}

  Catalog(Collection<LiveCollection> collections) {
    SortedMap<String, LiveCollection> byName = new TreeMap<>();
    collections.forEach(collection -> byName.put(collection.name(), collection));
    this.shown = new Shown(byName, new TreeMap<>());
  }

  /// The collection of a name, its own or an alias.
  public LiveCollection require(String name) {
    Shown now = shown;
    LiveCollection collection = now.byName().get(name);
    if (collection == null) {
      collection = now.aliases().get(name);
    }
    if (collection == null) {
      throw notFound("collection", name);
    }
    return collection;
  }

  /// The collection of its own name; an alias is refused.
  LiveCollection requireOwn(String field, String name) {
    Shown now = shown;
    LiveCollection collection = now.byName().get(name);
    if (collection != null) {
      return collection;
    }
    LiveCollection meant = now.aliases().get(name);
    if (meant == null) {
      throw notFound(field, name);
    }
    throw WhimbrelException.of(
        ErrorCode.INVALID_ARGUMENT,
        field,
        '"' + name + "\", an alias",
        "a collection's own name, for example \"" + meant.name() + '"');
  }

  private static WhimbrelException notFound(String field, String name) {
    String shownName = name.length() > 80 ? name.substring(0, 80) + "..." : name;
    return WhimbrelException.of(
        ErrorCode.COLLECTION_NOT_FOUND,
        field,
        '"' + shownName + '"',
        "the name of an existing collection");
  }

  /// Refuses a name that a collection or an alias has.
  void refuseTaken(String field, String name) {
    Shown now = shown;
    if (now.byName().containsKey(name)) {
      throw WhimbrelException.of(
          ErrorCode.COLLECTION_EXISTS, field, '"' + name + '"', "a name that is free");
    }
    LiveCollection meant = now.aliases().get(name);
    if (meant != null) {
      throw WhimbrelException.of(
          ErrorCode.ALIAS_EXISTS,
          field,
          '"' + name + "\", an alias of \"" + meant.name() + '"',
          "a name that is free");
    }
  }

  /// Whether `collection` is still the one of its name, and was not dropped or made anew.
  boolean holds(LiveCollection collection) {
    return shown.byName().get(collection.name()) == collection;
  }

  /// In name order.
  public List<LiveCollection> all() {
    return List.copyOf(shown.byName().values());
  }

  /// The collection as it stands, with its aliases.
  ///
  /// @param expired points that are expired and not deleted yet
  public CollectionInfo info(LiveCollection collection, long expired) {
    return collection.info(aliasesOf(collection), expired);
  }

  /// In name order.
  public List<Alias> aliases() {
    return shown.aliases().entrySet().stream()
        .map(entry -> new Alias(entry.getKey(), entry.getValue().name()))
        .toList();
  }

  List<String> aliasesOf(LiveCollection collection) {
    return shown.aliases().entrySet().stream()
        .filter(entry -> entry.getValue() == collection)
        .map(Map.Entry::getKey)
        .toList();
  }

  /// The aliases after `changes`, each of which is refused unless it can be made after those before
  /// it. Nothing is changed.
  SortedMap<String, LiveCollection> changed(List<AliasChange> changes) {
    SortedMap<String, LiveCollection> aliases = new TreeMap<>(shown.aliases());
    for (int i = 0; i < changes.size(); i++) {
      String path = "changes[" + i + "]";
      AliasChange change = changes.get(i);
      boolean there = aliases.containsKey(change.alias());
      switch (change) {
        case AliasChange.Create(String alias, String collection) -> {
          if (shown.byName().containsKey(alias)) {
            throw WhimbrelException.of(
                ErrorCode.COLLECTION_EXISTS,
                path + ".alias",
                '"' + alias + "\", a collection",
                "a name that is free");
          }
          if (there) {
            throw WhimbrelException.of(
                ErrorCode.ALIAS_EXISTS,
                path + ".alias",
                '"' + alias + '"',
                "a name that is free; \"switch\" lets it stand for another collection");
          }
          aliases.put(alias, requireOwn(path + ".collection", collection));
        }
        case AliasChange.Switch(String alias, String collection) -> {
          requireAlias(path, alias, there);
          aliases.put(alias, requireOwn(path + ".collection", collection));
        }
        case AliasChange.Drop(String alias) -> {
          requireAlias(path, alias, there);
          aliases.remove(alias);
        }
      }
    }
    Limits.checkRange("aliases", aliases.size(), 0, Limits.ALIASES_MAX);
    return aliases;
  }

  private static void requireAlias(String path, String alias, boolean there) {
    if (!there) {
      throw WhimbrelException.of(
          ErrorCode.ALIAS_NOT_FOUND, path + ".alias", '"' + alias + '"', "an existing alias");
    }
  }

  void replaceAliases(SortedMap<String, LiveCollection> aliases) {
    shown = new Shown(shown.byName(), aliases);
  }

  void add(LiveCollection collection) {
    SortedMap<String, LiveCollection> byName = new TreeMap<>(shown.byName());
    byName.put(collection.name(), collection);
    shown = new Shown(byName, shown.aliases());
  }

  /// With its aliases.
  void remove(LiveCollection collection) {
    SortedMap<String, LiveCollection> byName = new TreeMap<>(shown.byName());
    byName.remove(collection.name());
    SortedMap<String, LiveCollection> aliases = new TreeMap<>(shown.aliases());
    aliases.values().removeIf(meant -> meant == collection);
    shown = new Shown(byName, aliases);
  }

  /// Closes every index; running searches finish first.
  public void closeAll() {
    all().forEach(LiveCollection::close);
  }
}
