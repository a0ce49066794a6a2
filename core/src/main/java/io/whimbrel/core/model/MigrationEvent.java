package io.whimbrel.core.model;

/// One durable change of a migration.
///
/// @param revision of the migration after it
/// @param atMillis when, since the epoch of the system clock
public record MigrationEvent(
    long revision,
    long atMillis,
    MigrationState state,
    int basisPoints,
    long epoch,
    String actor,
    String reason) {}
