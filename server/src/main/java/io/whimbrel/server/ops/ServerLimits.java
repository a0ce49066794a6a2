package io.whimbrel.server.ops;

import io.whimbrel.core.model.Limits;
import java.util.LinkedHashMap;
import java.util.Map;

/// The server's own bounds; those of the core are in [Limits].
///
/// @param inboundMessageBytesMax bytes of one request message
/// @param callsPerConnectionMax calls that one connection may have open
/// @param callsMax calls that all connections together may have open
/// @param connectionsMax open connections
/// @param connectionsPerAddressMax open connections from one address
/// @param ingestStreamsMax open bulk-write streams
/// @param ingestBatchesInFlightMax batches of one bulk-write stream that were read and not yet
///   answered
public record ServerLimits(
    int inboundMessageBytesMax,
    int callsPerConnectionMax,
    int callsMax,
    int connectionsMax,
    int connectionsPerAddressMax,
    Pool search,
    Pool write,
    Pool admin,
    int ingestStreamsMax,
    int ingestBatchesInFlightMax) {
  /// Open watches of migrations and routing policies.
  public static final int WATCHES_MAX = 256;

  /// Bounds of one worker pool.
  ///
  /// @param threads platform threads
  /// @param queueMax tasks that may wait for a thread
  public record Pool(int threads, int queueMax) {}

  /// Every limit in force by name, those of the core included, in the order of the documentation.
  public Map<String, Long> byName() {
    Map<String, Long> named = new LinkedHashMap<>();
    named.put("inbound_message_bytes_max", (long) inboundMessageBytesMax);
    named.put("calls_per_connection_max", (long) callsPerConnectionMax);
    named.put("calls_max", (long) callsMax);
    named.put("connections_max", (long) connectionsMax);
    named.put("connections_per_address_max", (long) connectionsPerAddressMax);
    named.put("search_threads", (long) search.threads());
    named.put("search_queue_max", (long) search.queueMax());
    named.put("write_threads", (long) write.threads());
    named.put("write_queue_max", (long) write.queueMax());
    named.put("admin_threads", (long) admin.threads());
    named.put("admin_queue_max", (long) admin.queueMax());
    named.put("ingest_streams_max", (long) ingestStreamsMax);
    named.put("ingest_batches_in_flight_max", (long) ingestBatchesInFlightMax);
    named.put("watches_max", (long) WATCHES_MAX);
    named.put("id_bytes_max", (long) Limits.ID_BYTES_MAX);
    named.put("dimension_max", (long) Limits.DIMENSION_MAX);
    named.put("k_max", (long) Limits.K_MAX);
    named.put("fields_max", (long) Limits.FIELDS_MAX);
    named.put("batch_points_max", (long) Limits.BATCH_POINTS_MAX);
    named.put("payload_bytes_max", (long) Limits.PAYLOAD_BYTES_MAX);
    named.put("payload_depth_max", (long) Limits.PAYLOAD_DEPTH_MAX);
    named.put("request_id_bytes_max", (long) Limits.REQUEST_ID_BYTES_MAX);
    named.put("scroll_points_max", (long) Limits.SCROLL_POINTS_MAX);
    named.put("page_bytes_max", (long) Limits.PAGE_BYTES_MAX);
    named.put("collections_max", (long) Limits.COLLECTIONS_MAX);
    return named;
  }
}
