package io.whimbrel.core.migration;

/// What one version did in a window.
///
/// @param requests searches that it answered or failed to answer
/// @param errors those that failed by a fault of the server; refusals of bad requests do not count
/// @param empty answers without a hit
/// @param p99Micros 99th percentile of the time of its answers
/// @param feedback events about its answers, since the step began
/// @param good of them, the good ones
public record WindowCounts(
    long requests, long errors, long empty, long p99Micros, long feedback, long good) {
  public static final WindowCounts NONE = new WindowCounts(0, 0, 0, 0, 0, 0);

  double errorRate() {
    return (double) errors / Math.max(1, requests);
  }

  double emptyRate() {
    return (double) empty / Math.max(1, requests - errors);
  }

  double goodRate() {
    return (double) good / Math.max(1, feedback);
  }
}
