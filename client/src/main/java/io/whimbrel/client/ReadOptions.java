package io.whimbrel.client;

/**
 * What a read carries and what it must see.
 *
 * @param vectors {@link Selector.Exclude} is not offered for vectors and is refused
 * @param minSeq wait until the write with this sequence number is visible; 0 asks for nothing, and
 *     an acknowledged write is always visible
 */
public record ReadOptions(Selector payload, Selector vectors, long minSeq) {
  /** The whole payload and no vectors. */
  public static final ReadOptions DEFAULT = new ReadOptions(Selector.ALL, Selector.NONE, 0);

  public ReadOptions {
    if (vectors instanceof Selector.Exclude) {
      throw WhimbrelException.refusal(
          ErrorCode.INVALID_ARGUMENT, "with_vectors", "exclude", "all vectors, or fields by name");
    }
  }

  public ReadOptions withPayload(Selector payload) {
    return new ReadOptions(payload, vectors, minSeq);
  }

  public ReadOptions withVectors(Selector vectors) {
    return new ReadOptions(payload, vectors, minSeq);
  }

  public ReadOptions withMinSeq(long minSeq) {
    return new ReadOptions(payload, vectors, minSeq);
  }
}
