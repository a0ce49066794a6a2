package io.whimbrel.core.model;

import java.nio.charset.StandardCharsets;

/// @param requestId names the request for idempotent repetition; empty for none; up to 128 bytes
public record WriteOptions(String requestId, Durability durability) {
  public static final WriteOptions DEFAULT = new WriteOptions("", Durability.SYNC);

  public WriteOptions {
    Limits.checkRange(
        "request_id",
        requestId.getBytes(StandardCharsets.UTF_8).length,
        0,
        Limits.REQUEST_ID_BYTES_MAX);
  }
}
