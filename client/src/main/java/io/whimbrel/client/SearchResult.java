package io.whimbrel.client;

import java.util.List;
import java.util.Optional;

/**
 * Hits, best first, ties by id.
 *
 * @param seq every write up to this sequence number was visible
 * @param servedVersion the version that answered
 * @param coverage share of the version's points that its index covers; the rest was scanned
 * @param routingEpoch number of the routing policy that chose the version
 * @param warnings what the caller should know, for example a score threshold of another version
 * @param plan how it was answered; empty from a server that does not say
 */
public record SearchResult(
    List<Hit> hits,
    long seq,
    int servedVersion,
    double coverage,
    long routingEpoch,
    List<String> warnings,
    Optional<SearchPlan> plan) {
  public SearchResult {
    hits = List.copyOf(hits);
    warnings = List.copyOf(warnings);
  }
}
