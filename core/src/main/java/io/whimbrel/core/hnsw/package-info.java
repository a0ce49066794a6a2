/// A graph index whose rows hold the codes of their neighbours.
///
/// - One row of memory a node: its vector in int8, and for each neighbour a one-bit code, two
///   factors and its number ([RowLayout]). A search reads one row a step, from start to end.
/// - Float32 storage keeps what rounding to int8 took away, in 16 bits a value: both together are
///   the vector to 24 bits, as many as float32 has, and rank the hits of a walk.
/// - Knows ordinals, labels and vectors; nothing of points, payloads or storage.
/// - Searches take no lock; writers of edges lock the row ([GraphRows]). Rows are used again only
///   when no search can stand on them ([Pins]).
/// - Linking: [Linker]. Removing: [Mender]. When and in which order: [Graph].
///
/// A snapshot ([SnapshotWriter], [SnapshotReader]) is a header, blocks of rows and an end; numbers
/// are little-endian, every checksum is the CRC32C of its block's bytes before it:
///
/// ```
/// header   8  "WHGRAPH" 0
///          4  format number, 3
///          4  bytes of the header, h
///          8  sequence number of the publish it shows
///          4  rows r; the first is the entry
///          4  whole rows w, of which one is the entry
///          4  pending rows p
///          4  live rows
///          4  bytes of the text
///          .  text, UTF-8: identity, dimension, metric, storage, spec, layout; as in SnapshotHeader.Kind
///          4  checksum; up to here h bytes
/// blocks   one for each max(1, 1 MiB / rowBytes) rows:
///          4  number of the block, from 0
///          1  for each row: 0 free, 1 pending, 2 whole
///          .  for each row: nothing if free; up to its vector's end if pending, then its
///             remainders; else all of it, as RowLayout says
///          4  checksum
/// end      4  -1
///          8  bytes of the file
///          4  CRC32C of the checksums of the header and all blocks
///          4  checksum
/// ```
///
/// Row 0 is the entry. In each row lock, version and in-degree are 0, the flags are those of the
/// graph and 0 if pending, and the death is that of a past publish or never. Pending and free rows
/// are not linked; a row that died without being linked is free.
@NullMarked
package io.whimbrel.core.hnsw;

import org.jspecify.annotations.NullMarked;
