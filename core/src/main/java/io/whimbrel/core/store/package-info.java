/// What is on disk: one RocksDB in a data directory, and the only package that names it.
///
/// Tables (column families) and their keys; all numbers big-endian, so that key order is number
/// order:
///
/// | table | key | value |
/// |---|---|---|
/// | `SYSTEM` | `F` | format number of the store |
/// | | `S` | [Progress]: last sequence number, next internal id, next collection number |
/// | | `C` collection(4) | [CollectionRecord] |
/// | | `K` collection(4) | [Totals] of the collection: counts and hashes that its tables must show |
/// | | `I` collection(4) | [PayloadIndexesRecord]: declared payload and full-text indexes; absent when there never were any |
/// | | `A` alias | number(4) of the collection that it stands for |
/// | | `R` request id | [RequestRecord], for idempotent repetition |
/// | | `N` name | a note: golden set, comparison of versions or traffic schedule, see `collection.Notes` |
/// | | `X` collection(4) | a dropped collection whose ranges are still to be removed |
/// | | `M` collection(4) migration(8) | [MigrationRecord] |
/// | | `Q` collection(4) migration(8) | [BacklogCounters] |
/// | `IDS` | collection(4) kind(1) id | internal id(8); kind 0 is a number(8), 1 a text |
/// | `POINTS` | collection(4) internal id(8) | [PointRecord] |
/// | `VECTORS` | collection(4) field(2) version(4) internal id(8) | [VectorRecord]: 32 bytes of header, little-endian float32 or codes of a byte a value |
/// | `LOG` | shard(4) sequence number(8) | [ChangeRecord]: which internal ids the write changed |
/// | `MIGRATION` | collection(4) migration(8) `B` internal id(8) | [BacklogRecord]: waits for its vector in the new version |
/// | | collection(4) migration(8) `R` internal id(8) | [BacklogRecord]: the old version lacks it or has it in older form |
/// | | collection(4) migration(8) `D` internal id(8) | [BacklogRecord]: given up, with the reason |
/// | | collection(4) migration(8) `H` revision(8) | [EventRecord]: who changed the migration, when and why |
///
/// - Internal ids only grow, so a version is loaded by one ordered scan and compaction moves files
///   without rewriting them.
/// - One write is one `WriteBatch` over all tables: it is in the store whole or not at all.
/// - Sequence numbers in `LOG` have no gap; the last one equals the one in `SYSTEM`. [Stamp] keeps
///   a copy outside RocksDB, since RocksDB alone does not notice every truncation of its own files.
/// - A storage failure is a [StorageException]; every caller chooses between retry, read-only and
///   stop.
@NullMarked
package io.whimbrel.core.store;

import org.jspecify.annotations.NullMarked;
