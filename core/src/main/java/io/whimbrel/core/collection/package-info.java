/// Collections in motion: the write path, what is searchable in memory, reads, and recovery.
///
/// A write goes through these hands:
///
/// 1. [PreparedWrite], in the caller's thread: everything that can be checked against the request
///    and the collection's immutable spec is checked, and all bytes are encoded.
/// 2. [Sequencer], one thread: takes what waits, lets [WriteGroup] decide each request against the
///    stored points (ids, conditions, sequence numbers), writes one `WriteBatch` with one fsync,
///    publishes to the indexes, then answers.
/// 3. [LiveVersion]: the searchable copy of one version. A write is visible whole or not at all,
///    and before it is answered.
/// 4. [IndexWorkers], a few threads: move published vectors into graphs; [IndexSaver], one thread:
///    writes graphs to their files, which [Recovery] opens and [VersionLoader] brings up to date.
///
/// Text goes beside: [LiveText] takes what a path leads to, [TextWorkers] move it into files, fill
/// these from the store when in doubt, and commit them. [FieldSteps] let vector fields come and go;
/// [Expirer] deletes what has expired.
///
/// A migration adds a second version to a field and later removes one of the two: [MigrationDesk]
/// takes its verbs, [MigrationSteps] decides them, [MovingWrites] keeps its backlogs with every
/// write, [Backfills] hands their points out.
///
/// - What is in force for a collection is one immutable layout; whoever reads it once sees what
///   belongs together.
/// - Only the sequencer thread changes the store, the catalog and what indexes hold; workers change
///   how it is found.
/// - Decided once, then applied: nothing after the decision looks at a clock or at chance.
/// - After a failed write the outcome is unknown, so the sequencer takes no further write until the
///   next open.
@NullMarked
package io.whimbrel.core.collection;

import org.jspecify.annotations.NullMarked;
