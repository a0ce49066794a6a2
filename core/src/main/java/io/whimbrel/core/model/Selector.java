package io.whimbrel.core.model;

import java.util.List;

/// Which payload fields, or which vector fields, an answer carries.
public sealed interface Selector {
  Selector ALL = new All();
  Selector NONE = new Include(List.of());

  boolean selects(String name);

  record All() implements Selector {
    @Override
    public boolean selects(String name) {
      return true;
    }
  }

  record Include(List<String> names) implements Selector {
    public Include {
      names = List.copyOf(names);
    }

    @Override
    public boolean selects(String name) {
      return names.contains(name);
    }
  }

  record Exclude(List<String> names) implements Selector {
    public Exclude {
      names = List.copyOf(names);
    }

    @Override
    public boolean selects(String name) {
      return !names.contains(name);
    }
  }
}
