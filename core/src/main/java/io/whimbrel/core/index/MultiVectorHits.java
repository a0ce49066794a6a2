package io.whimbrel.core.index;

import io.whimbrel.core.model.TokenAlignment;
import java.util.List;

/// The hits of one search of a [MultiVectorIndex].
///
/// @param best the documents, best first
/// @param alignments one for each hit, in the same order; empty when none were asked for
public record MultiVectorHits(TopK best, List<TokenAlignment> alignments) {
  public MultiVectorHits {
    alignments = List.copyOf(alignments);
  }
}
