/// Codecs that keep a vector in fewer bits, and score such rows without decoding them.
///
/// - A row is codes, padded with zeros to whole blocks of its kernel, and a few factors; both are
///   little-endian and lie where the caller says. Nothing here owns rows.
/// - Each codec says how far what it decodes is from what it was given.
/// - A query is packed once for the kernels and then scored against any number of rows. A score is
///   that of the decoded row: the sums of the kernels are exact, the rest is double arithmetic.
/// - [AffineCodec] has 8 or 4 bits a value, [SignCodec] one, [LookupCodes] packs six one-bit values
///   a look-up.
@NullMarked
package io.whimbrel.core.quant;

import org.jspecify.annotations.NullMarked;
