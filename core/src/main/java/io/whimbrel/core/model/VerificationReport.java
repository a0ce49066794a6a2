package io.whimbrel.core.model;

/// The outcome of a comparison of both versions.
///
/// @param checked points compared
/// @param faults differences found, those of waived dead letters left out
/// @param summary for the history
public record VerificationReport(long checked, long faults, String summary) {}
