/// Late interaction: documents of many token vectors, scored by MaxSim.
///
/// - Knows ordinals, labels and token matrices; nothing of points, payloads or storage.
/// - A document is appended once and never changes; removing marks it dead, and its ordinal is not
///   used again. Searches take no lock.
/// - Of each token there is, from coarse to fine: the number of its nearest centroid (2 bytes,
///   [Generation]), its signs (one bit a value, [Documents]) and its values (one or four bytes each,
///   [TokenStore]). A search reads them in this order, for ever fewer documents ([Cascade]).
/// - Centroids come in generations. One thread at a time makes the next ([Fit]) and encodes tokens
///   by it, from what is stored; searches use the last whole one.
@NullMarked
package io.whimbrel.core.maxsim;

import org.jspecify.annotations.NullMarked;
