package io.whimbrel.core.collection;

import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.store.PointRecord;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The files of indexes, `COLLECTION-FIELD-VERSION.hnsw` by number below `DIR/index`.
///
/// They are caches: a missing one costs the time to build the index, and one that cannot be trusted is
/// renamed to end in `.bad` and built anew. A file is replaced by write, fsync, rename, fsync of the
/// directory.
final class IndexFiles {
  private static final String SUFFIX = ".hnsw";
  private static final String TEMPORARY = SUFFIX + ".tmp";
  private static final String BAD = SUFFIX + ".bad";

  private final Path directory;
  private final UUID databaseId;

  IndexFiles(Path dataDirectory, UUID databaseId) {
    this.directory = dataDirectory.resolve("index");
    this.databaseId = databaseId;
  }

  Path path(int collection, PointRecord.VectorRef ref) {
    return directory.resolve(stem(collection, ref) + SUFFIX);
  }

  private static String stem(int collection, PointRecord.VectorRef ref) {
    return collection + "-" + ref.field() + "-" + ref.version();
  }

  /// What a file must be of to be this version's.
  byte[] identity(int collection, LiveVersion version) {
    EmbeddingSpec spec = version.spec();
    String text =
        Stream.of(
                databaseId,
                stem(collection, version.ref()),
                spec.dimension(),
                spec.metric(),
                spec.storage(),
                spec.index())
            .map(Object::toString)
            .collect(Collectors.joining("\n"));
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /// Empty when there is no file.
  Optional<IndexFormat.Opened> open(int collection, LiveVersion version, IndexFormat format)
      throws IOException {
    Path file = path(collection, version.ref());
    try {
      return Files.exists(file)
          ? Optional.of(format.open(file, identity(collection, version)))
          : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /// Replaces the version's file.
  void save(int collection, LiveVersion version, IndexFormat format) throws IOException {
    Files.createDirectories(directory);
    Path temporary = directory.resolve(stem(collection, version.ref()) + TEMPORARY);
    Files.deleteIfExists(temporary);
    try {
      version.save(format, temporary, identity(collection, version));
      Files.move(
          temporary,
          path(collection, version.ref()),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    try (FileChannel parent = FileChannel.open(directory)) {
      parent.force(true);
    }
  }

  /// Renames a file that cannot be trusted, for whoever wants to know what became of it.
  void setAside(int collection, LiveVersion version) throws IOException {
    Files.move(
        path(collection, version.ref()),
        directory.resolve(stem(collection, version.ref()) + BAD),
        StandardCopyOption.REPLACE_EXISTING);
  }

  /// Deletes the files of a collection.
  void delete(int collection) throws IOException {
    for (Path file : list()) {
      if (file.getFileName().toString().startsWith(collection + "-")) {
        Files.deleteIfExists(file);
      }
    }
  }

  /// Deletes temporary files and the files of versions that are not among `collections`.
  void deleteOrphans(Collection<LiveCollection> collections) throws IOException {
    Set<String> stems =
        collections.stream()
            .flatMap(collection ->
                collection.versions().map(version -> stem(collection.number(), version.ref())))
            .collect(Collectors.toSet());
    for (Path file : list()) {
      String name = file.getFileName().toString();
      int end = name.indexOf(SUFFIX);
      if (end >= 0 && (name.endsWith(TEMPORARY) || !stems.contains(name.substring(0, end)))) {
        Files.deleteIfExists(file);
      }
    }
  }

  private List<Path> list() throws IOException {
    List<Path> files = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (Stream<Path> all = Files.list(directory)) {
        all.forEach(files::add);
      }
    }
    return files;
  }
}
