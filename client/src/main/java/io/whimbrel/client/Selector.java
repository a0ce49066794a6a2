package io.whimbrel.client;

import java.util.List;

/** Which top-level payload fields, or which vector fields, an answer carries. */
public sealed interface Selector {
  Selector ALL = new All();
  Selector NONE = new Include(List.of());

  static Selector include(String... names) {
    return new Include(List.of(names));
  }

  static Selector exclude(String... names) {
    return new Exclude(List.of(names));
  }

  record All() implements Selector {}

  record Include(List<String> names) implements Selector {
    public Include {
      names = List.copyOf(names);
    }
  }

  record Exclude(List<String> names) implements Selector {
    public Exclude {
      names = List.copyOf(names);
    }
  }
}
