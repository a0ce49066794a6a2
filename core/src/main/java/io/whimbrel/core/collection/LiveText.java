package io.whimbrel.core.collection;

import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.TextIndexSpec;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.PointRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.text.TextIndex;
import io.whimbrel.core.text.TextReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// A declared full-text index of a collection, with what the threads that work on it share.
///
/// The sequencer changes and publishes it; who moves changes, fills, commits or closes it holds
/// [#work].
final class LiveText {
  private final int collection;
  private final String title;
  private final int number;
  private final TextIndexSpec spec;
  private final TextIndex index;

  /// Held by the one thread that works on the index.
  final ReentrantLock work = new ReentrantLock();

  // Guarded by `work`.
  long movedSinceCommit;
  long committedSeq;

  /// The collection or the index was dropped: nothing more is to be done for it.
  private volatile boolean dropped;

  /// Why it cannot be searched, for an operator; empty when it can or will soon.
  private volatile String failure = "";

  /// Why it is being filled from the store; empty once it was not, or is done.
  private volatile String filling = "";

  /// @param title names the index in logs
  /// @param number of the index in its collection
  LiveText(int collection, String title, int number, TextIndexSpec spec, TextIndex index) {
    this.collection = collection;
    this.title = title;
    this.number = number;
    this.spec = spec;
    this.index = index;
  }

  int collection() {
    return collection;
  }

  String title() {
    return title;
  }

  int number() {
    return number;
  }

  TextIndexSpec spec() {
    return spec;
  }

  TextIndex index() {
    return index;
  }

  /// Sequencer. The point was `before` and is now `after`; visible after the next publish.
  void change(long id, Optional<PointRecord> before, Optional<PointRecord> after, long seq)
      throws StorageException {
    if (before.isPresent()
        && after.isPresent()
        && Arrays.equals(before.get().payload(), after.get().payload())) {
      return;
    }
    List<String> old = before.isPresent() ? texts(before.get()) : List.of();
    List<String> now = after.isPresent() ? texts(after.get()) : List.of();
    if (!old.equals(now)) {
      index.change(id, now, seq);
    }
  }

  /// The strings that the path leads to.
  List<String> texts(PointRecord point) throws StorageException {
    return texts(point.decodePayload());
  }

  private List<String> texts(Map<String, Value> payload) {
    List<String> texts = new ArrayList<>(1);
    spec.path().forEach(payload, value -> collect(value, texts));
    return texts;
  }

  private static void collect(Value value, List<String> texts) {
    if (value instanceof Value.StringValue(String text)) {
      if (!text.isEmpty()) {
        texts.add(text);
      }
    } else if (value instanceof Value.ListValue list) {
      for (Value element : list.values()) {
        if (element instanceof Value.StringValue(String text) && !text.isEmpty()) {
          texts.add(text);
        }
      }
    }
  }

  /// What is published, held still for one thread, which closes it. Fails with INDEX_NOT_READY
  /// while the index is being filled.
  TextReader reader() {
    if (hasFailed()) {
      throw notReady();
    }
    return index.reader().orElseThrow(this::notReady);
  }

  private WhimbrelException notReady() {
    return WhimbrelException.of(
        ErrorCode.INDEX_NOT_READY,
        "text.path",
        '"' + spec.path().text() + '"',
        "a text index that is ready"
            + (note().isEmpty() ? "; it is being filled" : "; this one: " + note()));
  }

  void drop() {
    dropped = true;
  }

  boolean isDropped() {
    return dropped;
  }

  void failed(String reason) {
    failure = reason;
  }

  boolean hasFailed() {
    return !failure.isEmpty();
  }

  void filling(String reason) {
    filling = reason;
  }

  /// What is wrong with it or being mended, for an operator; else empty.
  String note() {
    if (hasFailed()) {
      return failure;
    }
    return index.isReady() || filling.isEmpty() ? "" : "filled from the store: " + filling;
  }

  CollectionInfo.TextIndexInfo info() {
    return new CollectionInfo.TextIndexInfo(
        spec, index.isReady(), index.points(), index.pending(), index.diskBytes(), note());
  }
}
