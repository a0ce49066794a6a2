package io.whimbrel.core.evaluation;

/// What a comparison allows to say of the candidate.
public enum Verdict {
  /// Better, and chance is an unlikely reason.
  BETTER,
  /// At most the allowed margin worse, by the whole interval.
  NON_INFERIOR,
  /// The queries are too few, or the answers too uneven, to say.
  INCONCLUSIVE,
  /// Worse, chance is an unlikely reason, and the margin may be passed.
  WORSE
}
