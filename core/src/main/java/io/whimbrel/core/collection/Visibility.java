package io.whimbrel.core.collection;

import io.whimbrel.core.payload.PayloadSnapshot;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.Progress;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Store;
import io.whimbrel.core.store.Table;
import io.whimbrel.core.store.View;
import io.whimbrel.core.text.TextReader;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/// Lets a read look at store, payload indexes and vectors as of one and the same write.
///
/// The sequencer writes a group to the store and then publishes it to memory, part by part. `epoch`
/// is odd meanwhile. A reader takes what it needs, which costs no more than to open it, and takes
/// it anew when the epoch moved or the store was ahead; it never holds the sequencer up.
final class Visibility {
  private static final int SPINS_MAX = 100;
  private static final long PAUSE_NANOS = 20_000;

  private final Store store;

  // Written by the sequencer.
  private volatile long epoch;
  private volatile long seq;

  /// Memory and store may differ from here on; reads take what there is.
  private volatile boolean broken;

  Visibility(Store store, long seq) {
    this.store = store;
    this.seq = seq;
  }

  /// Sequencer: the parts of memory begin to change.
  void publishing() {
    epoch++;
  }

  /// Sequencer: store and memory are as of `newSeq`.
  void published(long newSeq) {
    seq = newSeq;
    epoch += 1 + (epoch + 1 & 1);
  }

  /// Ends waiting for a publish that will not come.
  void breakOff() {
    broken = true;
  }

  /// The last visible write.
  long seq() {
    return seq;
  }

  /// Everything but full text as of one write.
  Moment now(LiveCollection collection, Collection<LiveVersion> versions) throws StorageException {
    return now(collection, versions, List.of());
  }

  /// Everything as of one write, for one thread, which closes it. Fails with UNAVAILABLE when the
  /// collection was dropped, with INDEX_NOT_READY when one of `texts` is being filled.
  Moment now(
      LiveCollection collection, Collection<LiveVersion> versions, Collection<LiveText> texts)
      throws StorageException {
    for (int tries = 1; ; tries++) {
      long before = epoch;
      if ((before & 1) == 0 || broken) {
        Moment moment = take(collection, versions, texts);
        if (broken || epoch == before && moment.seq() == seq) {
          return moment;
        }
        moment.close();
      }
      if (tries < SPINS_MAX) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private Moment take(
      LiveCollection collection, Collection<LiveVersion> versions, Collection<LiveText> texts)
      throws StorageException {
    View view = store.view();
    Map<LiveVersion, LiveVersion.Reader> readers = new IdentityHashMap<>();
    Map<LiveText, TextReader> textReaders = new IdentityHashMap<>();
    try {
      long viewSeq = seqOf(view);
      PayloadSnapshot payload = collection.payload().snapshot();
      for (LiveVersion version : versions) {
        readers.put(version, version.reader());
      }
      for (LiveText text : texts) {
        textReaders.put(text, text.reader());
      }
      return new Moment(view, viewSeq, payload, readers, textReaders);
    } catch (StorageException | RuntimeException e) {
      textReaders.values().forEach(TextReader::close);
      readers.values().forEach(LiveVersion.Reader::close);
      view.close();
      throw e;
    }
  }

  private static long seqOf(View view) throws StorageException {
    Optional<byte[]> progress = view.get(Table.SYSTEM, Keys.PROGRESS);
    return progress.isPresent() ? Progress.decode(progress.get()).seq() : 0;
  }

  /// Store, payload indexes, vectors and full text as of the write `seq`.
  record Moment(
      View view,
      long seq,
      PayloadSnapshot payload,
      Map<LiveVersion, LiveVersion.Reader> readers,
      Map<LiveText, TextReader> texts)
      implements AutoCloseable {
    TextReader text(LiveText text) {
      TextReader reader = texts.get(text);
      if (reader == null) {
        throw new IllegalStateException("no reader was asked for of " + text.title());
      }
      return reader;
    }

    LiveVersion.Reader reader(LiveVersion version) {
      LiveVersion.Reader reader = readers.get(version);
      if (reader == null) {
        throw new IllegalStateException("no reader was asked for of " + version.title());
      }
      return reader;
    }

    @Override
    public void close() {
      texts.values().forEach(TextReader::close);
      readers.values().forEach(LiveVersion.Reader::close);
      view.close();
    }
  }
}
