/// Full text: which points have which words, scored by BM25. The only package that names Lucene.
///
/// A [TextIndex] is one declared path of one collection: a directory of Lucene with one document
/// for each point that has text there. A document has three fields: `id`, the point's internal id
/// as a term of eight bytes and as a number to read back, and `text`, the terms with their
/// frequencies and the length of the text.
///
/// - The index is a cache of the store. A commit says in Lucene's commit data which format,
///   analyzer, database and version of Lucene it is of, and up to which write it has everything.
///   One that is not as expected, or that fails Lucene's checksums, is deleted and filled anew.
/// - One writer at a time changes what the index holds; the sequencer only hands changes over. A
///   [TextReader] has them all at once: what the writer has not taken yet is a small index in
///   memory beside the other, and hides what it replaces. Both count as one, so scores are those of
///   Lucene over the same documents, where a replaced document counts until its segment is merged.
@NullMarked
package io.whimbrel.core.text;

import org.jspecify.annotations.NullMarked;
