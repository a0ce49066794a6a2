package io.whimbrel.bench.ann;

import io.whimbrel.core.model.Storage;
import java.util.Locale;

/// What can be compared.
enum AnnSystem {
  WHIMBREL(Kind.JAVA, ""),
  WHIMBREL_INT8(Kind.JAVA, ""),
  HNSWLIB(Kind.CPP, "libhnswlib-dev"),
  FAISS(Kind.CPP, "libfaiss-dev libopenblas-dev", "-fopenmp", "-lfaiss", "-lopenblas"),
  LUCENE(Kind.JAVA, ""),
  JVECTOR(Kind.JAVA, ""),
  JVECTOR_PQ(Kind.JAVA, ""),
  FLAT(Kind.JAVA, ""),
  FLAT_INT8(Kind.JAVA, "");

  /// Where it runs.
  enum Kind {
    CPP,
    JAVA
  }

  private final Kind kind;
  private final String packages;
  private final String[] compilerFlags;

  AnnSystem(Kind kind, String packages, String... compilerFlags) {
    this.kind = kind;
    this.packages = packages;
    this.compilerFlags = compilerFlags;
  }

  Kind kind() {
    return kind;
  }

  /// The Debian packages it needs besides a compiler.
  String packages() {
    return packages;
  }

  /// What the compiler needs besides the source.
  String[] compilerFlags() {
    return compilerFlags.clone();
  }

  /// How it keeps vectors when Whimbrel's own indexes are asked for `chosen`.
  Storage storage(Storage chosen) {
    return switch (this) {
      case WHIMBREL, FLAT -> chosen;
      case WHIMBREL_INT8, FLAT_INT8 -> Storage.INT8;
      case HNSWLIB, FAISS, LUCENE, JVECTOR, JVECTOR_PQ -> Storage.FLOAT32;
    };
  }

  /// Whether ef changes nothing.
  boolean exact() {
    return this == FLAT || this == FLAT_INT8;
  }

  /// As the options name it.
  String key() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Override
  public String toString() {
    return key();
  }
}
