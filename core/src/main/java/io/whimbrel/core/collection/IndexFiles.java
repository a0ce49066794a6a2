package io.whimbrel.core.collection;

import io.whimbrel.core.index.VectorIndex;
import io.whimbrel.core.store.PointRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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
/// They are caches: a missing one costs the time to build the index, and one that cannot be trusted
/// is renamed to end in `.bad` and built anew.
final class IndexFiles {
  private static final String SUFFIX = ".hnsw";
  private static final String TEMPORARY = SUFFIX + ".tmp";
  private static final String BAD = SUFFIX + ".bad";

  private final Path directory;
  private final UUID databaseId;
  private final Indexes indexes;

  IndexFiles(Path dataDirectory, UUID databaseId, Indexes indexes) {
    this.directory = dataDirectory.resolve("index");
    this.databaseId = databaseId;
    this.indexes = indexes;
  }

  private Path path(int collection, LiveVersion version, String suffix) {
    return directory.resolve(stem(collection, version.ref()) + suffix);
  }

  private static String stem(int collection, PointRecord.VectorRef ref) {
    return collection + "-" + ref.field() + "-" + ref.version();
  }

  /// Tells the file of this version from those of other versions and databases.
  private String identity(int collection, LiveVersion version) {
    return databaseId + " " + stem(collection, version.ref());
  }

  /// The index of the version's file, for the caller to close; empty when there is no file.
  Optional<VectorIndex> open(int collection, LiveVersion version) throws IOException {
    Path file = path(collection, version, SUFFIX);
    return Files.exists(file)
        ? Optional.of(indexes.open(version.spec(), file, identity(collection, version)))
        : Optional.empty();
  }

  /// Replaces the version's file.
  void save(int collection, LiveVersion version) throws IOException {
    Files.createDirectories(directory);
    version.save(path(collection, version, SUFFIX), identity(collection, version));
  }

  /// Renames a file that cannot be trusted, for whoever wants to know what became of it.
  void setAside(int collection, LiveVersion version) throws IOException {
    Files.move(
        path(collection, version, SUFFIX),
        path(collection, version, BAD),
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

  /// Deletes the files of a version.
  void delete(int collection, LiveVersion version) throws IOException {
    for (String suffix : List.of(SUFFIX, TEMPORARY, BAD)) {
      Files.deleteIfExists(path(collection, version, suffix));
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
