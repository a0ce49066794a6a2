package io.whimbrel.core.model;

/// One change of the names that stand for collections. Several are made in one step, in order, all
/// or none.
public sealed interface AliasChange {
  String alias();

  /// A new name for a collection. ALIAS_EXISTS when it stands for one already.
  record Create(String alias, String collection) implements AliasChange {
    public Create {
      Names.check("alias", alias);
    }
  }

  /// A present name stands for another collection from now on. ALIAS_NOT_FOUND when there is none.
  record Switch(String alias, String collection) implements AliasChange {
    public Switch {
      Names.check("alias", alias);
    }
  }

  /// ALIAS_NOT_FOUND when there is none.
  record Drop(String alias) implements AliasChange {
    public Drop {
      Names.check("alias", alias);
    }
  }
}
