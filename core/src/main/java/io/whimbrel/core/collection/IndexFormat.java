package io.whimbrel.core.collection;

import io.whimbrel.core.index.VectorIndex;
import java.io.IOException;
import java.nio.file.Path;

/// How one kind of index is kept in a file.
interface IndexFormat {
  /// Writes the index, whole and synced, to a file that does not exist. Any thread, while writes,
  /// searches and work go on; returns the sequence number of a publish: the file has exactly the
  /// changes up to it. A later one in it would not be noticed when the store loses that write.
  ///
  /// `identity` is given back to [#open] only for a file of the same one.
  long save(VectorIndex index, Path file, byte[] identity) throws IOException;

  /// Reads an index; its caller closes it. `IOException` when the file is damaged, of another format
  /// or of another identity: nothing doubtful is opened.
  Opened open(Path file, byte[] identity) throws IOException;

  /// @param seq exactly the changes up to this sequence number are in the index
  record Opened(VectorIndex index, long seq) {}
}
