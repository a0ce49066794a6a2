package io.whimbrel.client;

import java.util.OptionalLong;

/**
 * How a write is made.
 *
 * @param requestId names the request: a repetition returns the first answer and writes nothing. Up
 *     to 128 bytes. Empty: the client makes one up for each write when it retries, none otherwise
 * @param ifSeq demands that every point named has this stored sequence number; 0 demands that none
 *     exists. {@link Point#ifSeq} goes first
 */
public record WriteOptions(String requestId, Durability durability, OptionalLong ifSeq) {
  public static final WriteOptions DEFAULT =
      new WriteOptions("", Durability.SYNC, OptionalLong.empty());

  public WriteOptions {
    if (Checks.utf8Bytes(ErrorCode.INVALID_ARGUMENT, "request_id", requestId) > 128) {
      throw WhimbrelException.refusal(
          ErrorCode.LIMIT_EXCEEDED, "request_id", '"' + requestId + '"', "up to 128 bytes");
    }
  }

  public WriteOptions withRequestId(String requestId) {
    return new WriteOptions(requestId, durability, ifSeq);
  }

  public WriteOptions withDurability(Durability durability) {
    return new WriteOptions(requestId, durability, ifSeq);
  }

  public WriteOptions onlyIfSeq(long seq) {
    return new WriteOptions(requestId, durability, OptionalLong.of(seq));
  }
}
