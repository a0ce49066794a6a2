package io.whimbrel.core.text;

import com.carrotsearch.hppc.LongHashSet;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.TextAnalyzer;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.FieldType;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexOptions;
import org.apache.lucene.index.IndexReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.MultiReader;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.store.ByteBuffersDirectory;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.BytesRef;
import org.apache.lucene.util.Version;
import org.jspecify.annotations.Nullable;

/// The words of one payload path over all points of a collection, in a directory of its own.
///
/// Three kinds of threads, at most one of the first two at a time: the sequencer hands changes over
/// by [#change] and shows them by [#publish]; a worker, which also opens, fills and closes the
/// index, moves them into Lucene by [#work]; any number of readers take [#reader]. A reader sees
/// every published change, moved or not.
public final class TextIndex {
  static final String ID = "id";
  static final String TEXT = "text";

  private static final String FORMAT = "1";
  private static final String FORMAT_KEY = "whimbrel.format";
  private static final String IDENTITY_KEY = "whimbrel.identity";
  private static final String ANALYZER_KEY = "whimbrel.analyzer";
  private static final String LUCENE_KEY = "whimbrel.lucene";
  private static final String SEQ_KEY = "whimbrel.seq";

  private static final FieldType TEXT_TYPE = new FieldType();

  static {
    // BM25 asks for frequencies and lengths; positions would double the files.
    TEXT_TYPE.setIndexOptions(IndexOptions.DOCS_AND_FREQS);
    TEXT_TYPE.setTokenized(true);
    TEXT_TYPE.freeze();
  }

  private final Path directory;
  private final TextAnalyzer analyzerName;
  private final String identity;
  private final Analyzer analyzer;

  /// Of the sequencer: changes that are not published.
  private List<Change> staged = new ArrayList<>();

  // Of the worker.
  private @Nullable Directory files;
  private @Nullable IndexWriter writer;
  private final LongHashSet movedWhileFilling = new LongHashSet();
  private long filledSeq;

  /// Guards the replacement of `shown`, which sequencer and worker both do.
  private final Object lock = new Object();

  private volatile Shown shown = new Shown(this, null, List.of(), 0, 0, State.FILLING);

  private enum State {
    /// Has not everything yet.
    FILLING,
    READY,
    CLOSED
  }

  /// @param texts empty when the point has no text, or is gone
  private record Change(long id, List<String> texts, long seq) {
    long bytes() {
      return 64 + 2 * texts.stream().mapToLong(String::length).sum();
    }
  }

  /// Does nothing yet: [#open] touches the disk. `identity` tells the directory from those of other
  /// databases and indexes.
  public TextIndex(Path directory, TextAnalyzer analyzer, String identity) {
    this.directory = directory;
    this.analyzerName = analyzer;
    this.identity = identity;
    this.analyzer = Analyzers.of(analyzer);
  }

  Analyzer analyzer() {
    return analyzer;
  }

  /// Sequencer. The point's text is now this; visible after the next [#publish].
  public void change(long id, List<String> texts, long seq) {
    staged.add(new Change(id, List.copyOf(texts), seq));
  }

  /// Sequencer. Shows all changes so far, as of `seq`.
  public void publish(long seq) {
    List<Change> changes = staged;
    staged = new ArrayList<>();
    synchronized (lock) {
      shown = shown.with(changes, seq);
    }
  }

  /// Worker. Opens what is there and returns up to which write it has everything; 0 when there is
  /// nothing, or nothing that can be trusted, which is deleted. `reason` is told why.
  public long open(long storeSeq, StringBuilder reason) throws IOException {
    Files.createDirectories(directory);
    long seq = 0;
    try {
      files = FSDirectory.open(directory);
      if (DirectoryReader.indexExists(files)) {
        seq = trusted(storeSeq);
      } else {
        reason.append("there is no text index");
      }
    } catch (IOException | IllegalArgumentException e) {
      // IllegalArgumentException: a file names a codec that this Lucene has not.
      reason.append(e.getMessage());
    }
    if (seq == 0) {
      closeFiles();
      deleteDirectory();
      Files.createDirectories(directory);
      files = FSDirectory.open(directory);
    }
    IndexWriterConfig config = new IndexWriterConfig(analyzer).setCommitOnClose(false);
    writer = new IndexWriter(files(), config);
    return seq;
  }

  private long trusted(long storeSeq) throws IOException {
    try (DirectoryReader reader = DirectoryReader.open(files())) {
      Map<String, String> found = reader.getIndexCommit().getUserData();
      Map<String, String> expected = commitData(0);
      for (Map.Entry<String, String> entry : expected.entrySet()) {
        if (!entry.getKey().equals(SEQ_KEY)
            && !entry.getValue().equals(found.get(entry.getKey()))) {
          throw new IOException(
              "%s: %s (expected: %s)"
                  .formatted(entry.getKey(), found.get(entry.getKey()), entry.getValue()));
        }
      }
      long seq;
      try {
        seq = Long.parseLong(found.getOrDefault(SEQ_KEY, ""));
      } catch (NumberFormatException e) {
        throw new IOException("it does not say up to which write it goes", e);
      }
      if (seq < 1 || seq > storeSeq) {
        throw new IOException("it has write " + seq + ", the store ends at " + storeSeq);
      }
      for (LeafReaderContext leaf : reader.leaves()) {
        leaf.reader().checkIntegrity();
      }
      return seq;
    }
  }

  private Map<String, String> commitData(long seq) {
    Map<String, String> data = new HashMap<>();
    data.put(FORMAT_KEY, FORMAT);
    data.put(IDENTITY_KEY, identity);
    data.put(ANALYZER_KEY, analyzerName.name());
    data.put(LUCENE_KEY, Version.LATEST.toString());
    data.put(SEQ_KEY, Long.toString(seq));
    return data;
  }

  /// Worker. What follows by [#fill] is as stored at the write `seq`, which is published; changes
  /// up to there are in it.
  public void startFilling(long seq) {
    filledSeq = seq;
    movedWhileFilling.clear();
    synchronized (lock) {
      shown = shown.without(shown.changesUpTo(seq), null);
    }
  }

  /// Worker. The text of a point as stored; empty when it has none or is gone. `fresh` when the
  /// index cannot have the point yet.
  public void fill(long id, List<String> texts, boolean fresh) throws IOException {
    if (movedWhileFilling.contains(id)) {
      return;
    }
    if (!fresh) {
      put(id, texts);
    } else if (!texts.isEmpty()) {
      writer().addDocument(document(id, texts));
    }
  }

  /// Worker. Shows what was filled, and makes it durable.
  public void finishFilling() throws IOException {
    moveWhileFilling();
    movedWhileFilling.release();
    refresh(0, State.READY);
    commit(filledSeq);
  }

  /// Worker. Moves what was published since [#startFilling] into the index, between pieces of
  /// filling, so that it does not pile up. [#fill] passes over these points from then on.
  public void moveWhileFilling() throws IOException {
    List<Change> changes = shown.changes;
    if (changes.isEmpty()) {
      return;
    }
    for (Change change : changes) {
      put(change.id(), change.texts());
      movedWhileFilling.add(change.id());
    }
    // Nobody reads an index that is being filled, so they need not be found in memory.
    synchronized (lock) {
      shown = shown.without(changes.size(), null);
    }
    filledSeq = Math.max(filledSeq, changes.getLast().seq() - 1);
  }

  /// Worker. Moves published changes into the index and shows them there; returns how many.
  public int work() throws IOException {
    List<Change> changes = shown.changes;
    for (Change change : changes) {
      put(change.id(), change.texts());
    }
    if (!changes.isEmpty()) {
      refresh(changes.size(), State.READY);
    }
    return changes.size();
  }

  private void refresh(int moved, State state) throws IOException {
    DirectoryReader before = shown.files;
    DirectoryReader after =
        before == null
            ? DirectoryReader.open(writer())
            : DirectoryReader.openIfChanged(before, writer());
    synchronized (lock) {
      shown = shown.without(moved, after).in(state);
    }
    if (before != null && after != null) {
      // Readers that are under way hold references of their own.
      before.decRef();
    }
  }

  /// Worker. Makes durable what was moved; with nothing left to move it has every write up to
  /// `publishedSeq`, which was published before the caller looked.
  public void commit(long publishedSeq) throws IOException {
    List<Change> left = shown.changes;
    long seq = left.isEmpty() ? publishedSeq : Math.min(publishedSeq, left.getFirst().seq() - 1);
    writer().setLiveCommitData(commitData(seq).entrySet());
    writer().commit();
  }

  private void put(long id, List<String> texts) throws IOException {
    Term term = new Term(ID, idBytes(id));
    if (texts.isEmpty()) {
      writer().deleteDocuments(term);
    } else {
      writer().updateDocument(term, document(id, texts));
    }
  }

  private static Document document(long id, List<String> texts) {
    Document document = new Document();
    document.add(new StringField(ID, idBytes(id), Field.Store.NO));
    document.add(new NumericDocValuesField(ID, id));
    for (String text : texts) {
      document.add(new Field(TEXT, text, TEXT_TYPE));
    }
    return document;
  }

  private static BytesRef idBytes(long id) {
    return new BytesRef(ByteBuffer.allocate(Long.BYTES).putLong(id).array());
  }

  private IndexWriter writer() {
    if (writer == null) {
      throw new IllegalStateException("the text index is not open");
    }
    return writer;
  }

  private Directory files() {
    if (files == null) {
      throw new IllegalStateException("the text index is not open");
    }
    return files;
  }

  /// Whether it can be searched: everything that is stored is in it.
  public boolean isReady() {
    return shown.state == State.READY;
  }

  /// Published changes that searches find in memory.
  public int pending() {
    return shown.changes.size();
  }

  /// Bytes of the texts of those.
  public long pendingBytes() {
    return shown.bytes;
  }

  /// Points with text, as far as they are moved.
  public long points() {
    DirectoryReader reader = shown.files;
    return reader == null ? 0 : reader.numDocs();
  }

  /// Bytes of its files; 0 when there are none.
  public long diskBytes() {
    if (!Files.isDirectory(directory)) {
      return 0;
    }
    try (Stream<Path> all = Files.list(directory)) {
      // A file that a merge deleted meanwhile has no length.
      return all.mapToLong(file -> file.toFile().length()).sum();
    } catch (IOException | UncheckedIOException e) {
      return 0;
    }
  }

  /// What is published now, for one thread, which closes it; empty when the index is not ready.
  /// Fails with UNAVAILABLE once it is closed.
  public Optional<TextReader> reader() {
    while (true) {
      Shown current = shown;
      switch (current.state) {
        case FILLING -> {
          return Optional.empty();
        }
        case READY -> {
          if (current.acquire()) {
            return Optional.of(new TextReader(this, current));
          }
          // Its files were replaced under us.
        }
        case CLOSED ->
            throw WhimbrelException.of(
                ErrorCode.UNAVAILABLE, "text index", "closed", "an index that is still there");
      }
    }
  }

  /// Worker. What is committed stays; later changes are found again in the store, and those that
  /// are published from here on are not kept.
  public void close() throws IOException {
    DirectoryReader reader;
    synchronized (lock) {
      reader = shown.files;
      shown = new Shown(this, null, List.of(), 0, shown.seq, State.CLOSED);
    }
    if (reader != null) {
      reader.decRef();
    }
    closeFiles();
  }

  private void closeFiles() throws IOException {
    IndexWriter openWriter = writer;
    writer = null;
    if (openWriter != null) {
      openWriter.rollback();
    }
    Directory openFiles = files;
    files = null;
    if (openFiles != null) {
      openFiles.close();
    }
  }

  /// Worker. Closes the files, to be opened and filled anew; changes that are published meanwhile
  /// are kept. `delete` when what is on disk is of no use.
  public void reset(boolean delete) throws IOException {
    DirectoryReader reader;
    synchronized (lock) {
      reader = shown.files;
      shown = new Shown(this, null, shown.changes, shown.bytes, shown.seq, State.FILLING);
    }
    if (reader != null) {
      reader.decRef();
    }
    closeFiles();
    if (delete) {
      deleteDirectory();
    }
  }

  /// After [#close]. Gives the space on disk back.
  public void delete() throws IOException {
    deleteDirectory();
  }

  private void deleteDirectory() throws IOException {
    deleteDirectory(directory);
  }

  /// Deletes a directory of files, if it is there.
  public static void deleteDirectory(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      List<Path> all;
      try (Stream<Path> listed = Files.list(directory)) {
        all = listed.toList();
      }
      for (Path file : all) {
        Files.deleteIfExists(file);
      }
      Files.delete(directory);
    }
  }

  /// What one thread searches.
  ///
  /// @param tailBase documents from here on are those of the changes in memory
  /// @param replaced points whose documents before that do not count
  record Searched(IndexSearcher searcher, int tailBase, LongHashSet replaced) {}

  /// Files of Lucene and the changes beside them: everything that is published. Never changes.
  ///
  /// The files are closed when this is replaced and the last reader has left.
  static final class Shown {
    private final TextIndex index;
    private final @Nullable DirectoryReader files;
    private final List<Change> changes;
    private final long bytes;
    private final long seq;
    private final State state;

    /// Made by the first search. Its part in memory needs no closing.
    private @Nullable Searched searched;

    Shown(
        TextIndex index,
        @Nullable DirectoryReader files,
        List<Change> changes,
        long bytes,
        long seq,
        State state) {
      this.index = index;
      this.files = files;
      this.changes = changes;
      this.bytes = bytes;
      this.seq = seq;
      this.state = state;
    }

    long seq() {
      return seq;
    }

    Shown with(List<Change> more, long newSeq) {
      if (more.isEmpty() || state == State.CLOSED) {
        return new Shown(index, files, changes, bytes, newSeq, state);
      }
      List<Change> all = new ArrayList<>(changes.size() + more.size());
      all.addAll(changes);
      all.addAll(more);
      long moreBytes = more.stream().mapToLong(Change::bytes).sum();
      return new Shown(index, files, all, bytes + moreBytes, newSeq, state);
    }

    /// Without the first `moved` changes, which `newFiles` has; the present files when null.
    Shown without(int moved, @Nullable DirectoryReader newFiles) {
      List<Change> left = List.copyOf(changes.subList(moved, changes.size()));
      return new Shown(
          index,
          newFiles == null ? files : newFiles,
          left,
          left.stream().mapToLong(Change::bytes).sum(),
          seq,
          state);
    }

    Shown in(State newState) {
      return new Shown(index, files, changes, bytes, seq, newState);
    }

    int changesUpTo(long upTo) {
      int count = 0;
      while (count < changes.size() && changes.get(count).seq() <= upTo) {
        count++;
      }
      return count;
    }

    boolean acquire() {
      return files == null || files.tryIncRef();
    }

    void release() {
      if (files != null) {
        try {
          files.decRef();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }

    synchronized Searched searched() throws IOException {
      if (searched == null) {
        searched = search();
      }
      return searched;
    }

    private Searched search() throws IOException {
      List<IndexReader> readers = new ArrayList<>();
      LongHashSet replaced = new LongHashSet();
      int tailBase = 0;
      if (files != null) {
        readers.add(files);
        tailBase = files.maxDoc();
      }
      Optional<DirectoryReader> tail = tail(replaced);
      tail.ifPresent(readers::add);
      // Never closed: it owns its parts by name only, and a reader holds the files while it
      // searches.
      IndexReader all = new MultiReader(readers.toArray(IndexReader[]::new), true);
      IndexSearcher searcher = new IndexSearcher(all);
      // Remembers nothing of other searches, so that the same search costs the same.
      searcher.setQueryCache(null);
      return new Searched(searcher, tailBase, replaced);
    }

    /// The changes as an index in memory, of the last one of each point.
    private Optional<DirectoryReader> tail(LongHashSet replaced) throws IOException {
      if (changes.isEmpty()) {
        return Optional.empty();
      }
      Map<Long, List<String>> last = new LinkedHashMap<>();
      for (Change change : changes) {
        replaced.add(change.id());
        last.put(change.id(), change.texts());
      }
      ByteBuffersDirectory memory = new ByteBuffersDirectory();
      IndexWriterConfig config = new IndexWriterConfig(index.analyzer);
      try (IndexWriter writer = new IndexWriter(memory, config)) {
        for (Map.Entry<Long, List<String>> entry : last.entrySet()) {
          if (!entry.getValue().isEmpty()) {
            writer.addDocument(document(entry.getKey(), entry.getValue()));
          }
        }
      }
      return Optional.of(DirectoryReader.open(memory));
    }
  }
}
