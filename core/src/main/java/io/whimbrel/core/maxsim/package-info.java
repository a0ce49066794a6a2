/// Late interaction: documents of many token vectors, scored by MaxSim.
///
/// - Knows ordinals, labels and token matrices; nothing of points, payloads or storage.
/// - A document is appended once and never changes; removing marks it dead, and its ordinal is not
///   used again. Searches take no lock.
/// - Of each token there is, from coarse to fine: the number of its nearest centroid (2 bytes,
///   [Generation]), its signs (one bit a value, [Documents]) and its values (one or four bytes
///   each, [TokenStore]). A search reads them in this order, for ever fewer documents ([Cascade]).
/// - Centroids come in generations. One thread at a time makes the next ([Fit]) and encodes tokens
///   by it, from what is stored; searches use the last whole one.
///
/// A snapshot ([Snapshot]) is a [io.whimbrel.core.memory.BlockFile] with this content, numbers
/// little-endian:
///
/// ```
/// header     8  "WHTOKEN" 0
///            4  format number, 1
///            4  bytes of the text
///            8  sequence number of the publish it shows
///            4  documents
///            4  of those, the first ones that have ids
///            4  of those, the first ones that were there at the fit
///            4  number of the generation, 0 without centroids
///            4  1 when the centroids are means
///            4  centroids
///            8  mean cosine at the fit, float64
///            8  mean cosine of new documents, float64
///            8  zero
///            .  text, UTF-8: identity, dimension, metric, storage, centroids
/// centroids  .  float32 values of each
/// documents  8  label
///            4  tokens
///            .  for each token: id (2), signs, then its values and, of one byte each, their scale
/// ```
@NullMarked
package io.whimbrel.core.maxsim;

import org.jspecify.annotations.NullMarked;
