package io.whimbrel.core.hnsw;

import io.whimbrel.core.simd.GraphKernels;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// The linked rows and the work on them: linking, leading edges around dead rows, sweeping.
///
/// Any number of threads work at once. Linking and bypassing share a lock that sweeping and saving
/// take alone; rows have locks of their own beneath it. Searches take no lock.
final class Graph implements AutoCloseable {
  /// Rows taken from the backlog at once: enough to be put in a good order, and no more than are
  /// linked already, so that each batch finds a graph that knows the whole space.
  private static final int LINK_BATCH_MIN = 1024;

  private static final int LINK_BATCH_MAX = 65_536;

  /// Rows linked under one hold of the shared lock.
  private static final int LINK_STEP = 64;

  private static final int DEAD_BATCH_MAX = 256;

  /// A sweep reads every row; it waits for this share of them, or this many, to be condemned.
  private static final int SWEEP_SHARE = 16;

  private static final int SWEEP_MIN = 256;

  /// Whether every row can be reached is looked at when all else is done and this share of the rows
  /// changed: it reads every edge.
  private static final int REACH_SHARE = 256;

  /// An edge that leads to one row may take the place of the last one to another.
  private static final int REACH_ROUNDS_MAX = 8;

  /// Until there are this many rows they are linked one after the other.
  private static final int BOOTSTRAP_ROWS = 64;

  private static final long SEED = 0x6f6e6c696e65L;

  private final GraphRows rows;
  private final Backlog backlog;
  private final Pins pins;
  private final LongSupplier publishedSeq;
  private final Entry entry;
  private final LocalityOrder order;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private final AtomicInteger linked = new AtomicInteger();
  private final Queue<Integer> dead = new ConcurrentLinkedQueue<>();
  private final AtomicInteger deadCount = new AtomicInteger();

  /// Rows linked, bypassed or swept since the last look at what can be reached.
  private final AtomicInteger changed = new AtomicInteger();

  private final List<Integer> condemned = new ArrayList<>();
  private final Tools<Linker> linkers;
  private final Tools<Mender> menders;
  private final SplittableRandom random = new SplittableRandom(SEED);

  Graph(
      GraphRows rows,
      GraphKernels kernels,
      int efConstruction,
      Backlog backlog,
      Pins pins,
      LongSupplier publishedSeq) {
    this.rows = rows;
    this.backlog = backlog;
    this.pins = pins;
    this.publishedSeq = publishedSeq;
    this.entry = new Entry(rows, kernels);
    this.order = new LocalityOrder(rows, kernels);
    this.linkers = new Tools<>(() -> new Linker(rows, kernels, efConstruction));
    this.menders = new Tools<>(() -> new Mender(rows, kernels));
  }

  /// Scratch of the workers, made as they come.
  private static final class Tools<T extends AutoCloseable> {
    private final Supplier<T> maker;
    private final Queue<T> idle = new ConcurrentLinkedQueue<>();

    Tools(Supplier<T> maker) {
      this.maker = maker;
    }

    T acquire() {
      T tool = idle.poll();
      return tool == null ? maker.get() : tool;
    }

    void release(T tool) {
      idle.add(tool);
    }
  }

  /// Where walks begin; no node itself.
  int entry() {
    return entry.row();
  }

  /// Takes note of a row that died.
  void bury(int row) {
    dead.add(row);
    deadCount.incrementAndGet();
  }

  /// Something done to a graph that stands still.
  interface Action {
    void run() throws IOException;
  }

  /// Runs `action` while no edge changes and no row is retired; those who would, wait.
  void whileStill(Action action) throws IOException {
    lock.writeLock().lock();
    try {
      action.run();
    } finally {
      lock.writeLock().unlock();
    }
  }

  /// Takes up the work on linked rows that come from a snapshot.
  void restore() {
    for (int row = Entry.ROWS; row < rows.shown(); row++) {
      int flags = rows.flags(row);
      if ((flags & GraphRows.FLAG_LINKED) != 0) {
        linked.incrementAndGet();
        if ((flags & GraphRows.FLAG_BYPASSED) != 0) {
          condemned.add(row);
        } else if (rows.isDead(row)) {
          bury(row);
        }
      }
    }
    entry.restore(linked.get(), random);
  }

  /// Does one piece of work; returns whether more waits.
  boolean work(int rowsMax) {
    boolean any = link(rowsMax);
    any |= bypass();
    any |= sweep();
    return any || reach();
  }

  // ------------------------------------------------------------------------------------ linking

  private boolean link(int rowsMax) {
    int most = Math.clamp(linked.get(), LINK_BATCH_MIN, LINK_BATCH_MAX);
    Backlog.Claim claim = backlog.claim(Math.min(rowsMax, most));
    if (claim.rows.length == 0) {
      backlog.done(claim);
      return false;
    }
    SplittableRandom own;
    synchronized (random) {
      own = random.split();
    }
    order.sort(claim.rows, own);
    Linker linker = linkers.acquire();
    for (int from = 0; from < claim.rows.length; ) {
      from = linkStep(linker, claim.rows, from, own);
    }
    linkers.release(linker);
    backlog.done(claim);
    return true;
  }

  private int linkStep(Linker linker, int[] batch, int from, SplittableRandom own) {
    boolean alone = linked.get() < BOOTSTRAP_ROWS;
    int to = Math.min(batch.length, from + (alone ? 1 : LINK_STEP));
    var held = alone ? lock.writeLock() : lock.readLock();
    held.lock();
    try {
      for (int i = from; i < to; i++) {
        link(linker, batch[i], own);
      }
    } finally {
      held.unlock();
    }
    return to;
  }

  private void link(Linker linker, int row, SplittableRandom own) {
    // A row whose removal is not published yet is still to be found.
    if (rows.death(row) <= publishedSeq.getAsLong()) {
      rows.addFlag(row, GraphRows.FLAG_SKIPPED);
      return;
    }
    linker.link(row, entry.row());
    int count = linked.incrementAndGet();
    changed.incrementAndGet();
    if (rows.inDegree(row) == 0 || entry.isDue(count)) {
      entry.rebuild(row, count, own);
    }
  }

  // ----------------------------------------------------------------------------------- removing

  private boolean bypass() {
    int count = Math.min(DEAD_BATCH_MAX, deadCount.get());
    if (count == 0) {
      return false;
    }
    Mender mender = menders.acquire();
    boolean any = false;
    for (int i = 0; i < count; i++) {
      Integer row = dead.poll();
      if (row == null) {
        break;
      }
      any |= bypass(mender, row);
    }
    menders.release(mender);
    return any;
  }

  private boolean bypass(Mender mender, int row) {
    int flags = rows.flags(row);
    if ((flags & (GraphRows.FLAG_LINKED | GraphRows.FLAG_SKIPPED)) == 0) {
      // Its turn in the backlog has not come.
      dead.add(row);
      return false;
    }
    deadCount.decrementAndGet();
    lock.readLock().lock();
    try {
      if ((flags & GraphRows.FLAG_SKIPPED) != 0) {
        pins.retire(List.of(row));
        return true;
      }
      mender.bypass(row, entry.row());
      reinforce(rows.dropEdges(row));
      changed.incrementAndGet();
    } finally {
      lock.readLock().unlock();
    }
    synchronized (condemned) {
      condemned.add(row);
    }
    return true;
  }

  /// None of the rows that a dead one pointed to may become unreachable.
  private void reinforce(int[] ends) {
    Linker linker = linkers.acquire();
    for (int end : ends) {
      if (rows.isLinked(end) && !rows.isDead(end) && rows.inDegree(end) < Linker.IN_DEGREE_MIN) {
        linker.reinforce(end, entry.row());
      }
    }
    linkers.release(linker);
  }

  /// Cuts the last edges to the condemned rows and retires them.
  private boolean sweep() {
    synchronized (condemned) {
      if (condemned.size() < Math.max(SWEEP_MIN, linked.get() / SWEEP_SHARE)) {
        return false;
      }
    }
    lock.writeLock().lock();
    try {
      List<Integer> swept;
      synchronized (condemned) {
        swept = List.copyOf(condemned);
        condemned.clear();
      }
      Mender mender = menders.acquire();
      swept.forEach(row -> rows.addFlag(row, GraphRows.FLAG_CONDEMNED));
      mender.cutEdgesToCondemned();
      menders.release(mender);
      swept.forEach(row -> rows.removeFlag(row, GraphRows.FLAG_LINKED));
      entry.renew(linked.addAndGet(-swept.size()), random);
      pins.retire(swept);
      changed.addAndGet(swept.size());
    } finally {
      lock.writeLock().unlock();
    }
    return true;
  }

  /// Leads edges to the live rows that cannot be reached from the entry; returns whether there were
  /// any. In-degrees alone do not rule that out: rows may point to each other only.
  private boolean reach() {
    int changes = changed.get();
    if (changes <= linked.get() / REACH_SHARE || !changed.compareAndSet(changes, 0)) {
      return false;
    }
    lock.writeLock().lock();
    try {
      return attachUnreached();
    } finally {
      lock.writeLock().unlock();
    }
  }

  /// Live linked rows that no path from the entry leads to, after leading edges to those that there
  /// were.
  int[] unreachable() {
    lock.writeLock().lock();
    try {
      boolean _ = attachUnreached();
      return unreached();
    } finally {
      lock.writeLock().unlock();
    }
  }

  /// Tells whether there were any.
  private boolean attachUnreached() {
    Linker linker = linkers.acquire();
    int[] lost = unreached();
    boolean any = lost.length > 0;
    for (int round = 0; round < REACH_ROUNDS_MAX && lost.length > 0; round++) {
      for (int row : lost) {
        linker.attach(row, entry.row());
      }
      lost = unreached();
    }
    linkers.release(linker);
    return any;
  }

  /// Live linked rows that no path from the entry leads to. While nothing else works.
  int[] unreached() {
    BitSet reached = reached();
    return IntStream.range(Entry.ROWS, rows.shown())
        .filter(row -> !reached.get(row) && rows.isLinked(row) && !rows.isDead(row))
        .toArray();
  }

  private BitSet reached() {
    BitSet reached = new BitSet(rows.shown());
    int[] stack = new int[rows.shown() + 1];
    int depth = 0;
    stack[depth++] = entry.row();
    while (depth > 0) {
      int row = stack[--depth];
      for (int lane = 0; lane < rows.layout.degree(); lane++) {
        int to = rows.id(row, lane);
        if (to >= 0 && !reached.get(to)) {
          reached.set(to);
          stack[depth++] = to;
        }
      }
    }
    return reached;
  }

  @Override
  public void close() {
    linkers.idle.forEach(Linker::close);
    menders.idle.forEach(Mender::close);
  }
}
