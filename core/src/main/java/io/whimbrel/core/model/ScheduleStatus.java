package io.whimbrel.core.model;

/// A traffic schedule as it stands.
///
/// @param step its number from 0; the number of steps when it is through
/// @param heldMillis how long the step was held while this server ran
/// @param heldBy why the next step does not come; empty when it is through or stopped
/// @param lastWindow what the last closed window showed; empty before the first
/// @param ended why it was ended; else empty
public record ScheduleStatus(
    TrafficSchedule schedule,
    State state,
    int step,
    long heldMillis,
    String heldBy,
    String lastWindow,
    String ended) {
  public enum State {
    RUNNING,
    /// All steps were held; the migration may be completed, by an operator.
    DONE,
    /// A gate took all reads back.
    TRIPPED,
    /// An operator moved the traffic by hand, or the migration is over.
    STOPPED
  }
}
