package io.whimbrel.client;

/** One change of aliases; several are made in one step, in order, all or none. */
public sealed interface AliasChange {
  /** A new name for a collection; one that exists is refused with ALIAS_EXISTS. */
  record Create(String alias, String collection) implements AliasChange {}

  /** A present name stands for another collection from now on; ALIAS_NOT_FOUND without one. */
  record Switch(String alias, String collection) implements AliasChange {}

  /** A present name stands for nothing any more; ALIAS_NOT_FOUND without one. */
  record Drop(String alias) implements AliasChange {}
}
