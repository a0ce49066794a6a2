/// How good the answers of a version are, by queries whose right answers are known.
///
/// A golden set gives queries with graded points; a [Run] is what one version answered. [Measure]
/// scores one answer by the definitions of trec_eval; [Evaluator] compares two versions, says how
/// sure that is and what the set cannot show. Nothing here searches, reads a clock or keeps state:
/// the same input and seed give the same report.
///
/// - A point without a judgment counts as not relevant, as in trec_eval; its share is reported
///   beside the scores.
/// - Every query of the set counts, also with no hits or no relevant point: then 0, for both
///   versions.
/// - Equal scores are ranked as trec_eval does, by id in descending byte order, so that it confirms
///   the numbers from an exported run; a search ranks them by id ascending.
@NullMarked
package io.whimbrel.core.evaluation;

import org.jspecify.annotations.NullMarked;
