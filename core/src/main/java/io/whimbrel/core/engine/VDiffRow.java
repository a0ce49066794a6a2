package io.whimbrel.core.engine;

import io.whimbrel.core.model.ChangeNote;
import io.whimbrel.core.model.VDiff;
import io.whimbrel.core.store.RecordReader;
import io.whimbrel.core.store.RecordWriter;
import io.whimbrel.core.store.Records;
import io.whimbrel.core.store.StorageException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// A comparison of versions as it is stored: what it found, and where it goes on.
///
/// @param nextId internal id
/// @param note who started it
record VDiffRow(VDiff diff, long nextId, ChangeNote note) {
  private static final int FORMAT = 1;

  static VDiffRow begin(long total, long startedAtMillis, ChangeNote note) {
    return new VDiffRow(
        new VDiff(VDiff.State.RUNNING, 0, total, Map.of(), List.of(), startedAtMillis, 0, ""),
        0,
        note);
  }

  VDiffRow running() {
    return new VDiffRow(
        new VDiff(
            VDiff.State.RUNNING,
            diff.checked(),
            diff.total(),
            diff.faults(),
            diff.examples(),
            diff.startedAtMillis(),
            0,
            ""),
        nextId,
        note);
  }

  VDiffRow with(long checked, long newNextId, List<VDiff.Fault> found) {
    Map<VDiff.Kind, Long> faults = new EnumMap<>(VDiff.Kind.class);
    faults.putAll(diff.faults());
    List<VDiff.Fault> examples = new ArrayList<>(diff.examples());
    for (VDiff.Fault fault : found) {
      faults.merge(fault.kind(), 1L, Long::sum);
      if (examples.size() < VDiff.EXAMPLES_MAX) {
        examples.add(fault);
      }
    }
    return new VDiffRow(
        new VDiff(
            diff.state(),
            diff.checked() + checked,
            diff.total(),
            faults,
            examples,
            diff.startedAtMillis(),
            diff.endedAtMillis(),
            diff.failure()),
        newNextId,
        note);
  }

  VDiffRow ended(VDiff.State state, long endedAtMillis, String failure) {
    return new VDiffRow(
        new VDiff(
            state,
            diff.checked(),
            diff.total(),
            diff.faults(),
            diff.examples(),
            diff.startedAtMillis(),
            endedAtMillis,
            failure),
        nextId,
        note);
  }

  byte[] encode() {
    RecordWriter out = new RecordWriter().u8(FORMAT).u8(diff.state().ordinal() + 1).i64(nextId);
    out.varint(diff.checked()).varint(diff.total());
    out.varint(diff.faults().size());
    diff.faults().forEach((kind, count) -> out.u8(kind.ordinal() + 1).varint(count));
    out.varint(diff.examples().size());
    for (VDiff.Fault fault : diff.examples()) {
      out.u8(fault.kind().ordinal() + 1).text(fault.id()).text(fault.detail());
    }
    out.i64(diff.startedAtMillis()).i64(diff.endedAtMillis()).text(diff.failure());
    return out.text(note.actor()).text(note.reason()).toBytes();
  }

  /// A stored comparison that says RUNNING was cut off: it is STOPPED.
  static VDiffRow decode(byte[] row) throws StorageException {
    RecordReader in = new RecordReader(row);
    Records.checkFormat("vdiff", in.u8(), FORMAT);
    VDiff.State state = Records.constant(VDiff.State.values(), in.u8(), "vdiff state");
    long nextId = in.i64();
    long checked = in.varint();
    long total = in.varint();
    Map<VDiff.Kind, Long> faults = new EnumMap<>(VDiff.Kind.class);
    for (int i = in.count(); i > 0; i--) {
      faults.put(Records.constant(VDiff.Kind.values(), in.u8(), "vdiff fault"), in.varint());
    }
    List<VDiff.Fault> examples = new ArrayList<>();
    for (int i = in.count(); i > 0; i--) {
      examples.add(
          new VDiff.Fault(
              Records.constant(VDiff.Kind.values(), in.u8(), "vdiff fault"), in.text(), in.text()));
    }
    VDiff diff =
        new VDiff(
            state == VDiff.State.RUNNING ? VDiff.State.STOPPED : state,
            checked,
            total,
            faults,
            examples,
            in.i64(),
            in.i64(),
            in.text());
    return new VDiffRow(diff, nextId, new ChangeNote(in.text(), in.text()));
  }
}
