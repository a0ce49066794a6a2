package io.whimbrel.server.flight;

/// Bounds of the Flight service; all take effect at start. They change cost and refusals, never
/// results.
///
/// @param streamsMax uploads and downloads at a time; more are refused with OVERLOADED
/// @param batchesInFlightMax batches of one upload that may wait for the store; the next is read
///   when one is done
/// @param acksWaitingMax acknowledgements of one upload that wait for a client that does not read
///   them; then no more is read
/// @param schemaBytesMax bytes of a message's header
/// @param columnsMax columns of an upload, nested ones counted
/// @param batchValuesMax payload values of one batch, elements of lists and fields of structs
///   counted
/// @param allocatorBytesMax Arrow memory of all streams together
/// @param messageMemoryMax Arrow memory of one message while it is converted
/// @param exportRowsMax rows of an exported batch
/// @param exportBytesTarget vector bytes of an exported batch; payloads come on top, up to the size
///   of a page
public record FlightLimits(
    int streamsMax,
    int batchesInFlightMax,
    int acksWaitingMax,
    int schemaBytesMax,
    int columnsMax,
    int batchValuesMax,
    long allocatorBytesMax,
    long messageMemoryMax,
    int exportRowsMax,
    int exportBytesTarget) {
  public static final FlightLimits DEFAULT =
      new FlightLimits(
          64, 4, 10_000, 1 << 20, 1_024, 1 << 20, 512L << 20, 128L << 20, 8_192, 2 << 20);
}
