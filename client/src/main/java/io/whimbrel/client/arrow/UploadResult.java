package io.whimbrel.client.arrow;

/**
 * What an upload did; everything in it is on stable storage.
 *
 * @param batches batches acknowledged
 * @param points points written
 * @param seq sequence number of the last write; 0 when there was none
 */
public record UploadResult(long batches, long points, long seq) {
  static final UploadResult NONE = new UploadResult(0, 0, 0);
}
