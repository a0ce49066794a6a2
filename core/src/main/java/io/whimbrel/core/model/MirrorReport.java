package io.whimbrel.core.model;

import java.util.Map;

/// What mirrored searches showed since the mirror was set. For information: a better model should
/// differ.
///
/// @param percent of the searches of the old version that are mirrored
/// @param sampled searches that were to be mirrored
/// @param dropped of them, those for which there was no room
/// @param skipped of them, those without a vector in the new version's space
/// @param failed of them, those that ended in an error or after the deadline
/// @param errors the failed ones by error code
/// @param compared of them, those with two answers
/// @param meanOverlap share of the hits that both answers have in common, mean over the compared
/// @param fromP99Millis 99th percentile of the old version's answers among the sampled, in
///   milliseconds
/// @param toP99Millis of the new version's answers
public record MirrorReport(
    int percent,
    long sampled,
    long dropped,
    long skipped,
    long failed,
    Map<ErrorCode, Long> errors,
    long compared,
    double meanOverlap,
    double fromP99Millis,
    double toP99Millis) {
  public MirrorReport {
    errors = Map.copyOf(errors);
  }
}
