package io.whimbrel.client;

/** When a write is answered. */
public enum Durability {
  /** After it is on stable storage. */
  SYNC,
  /** After the operating system has it; on stable storage within the bound stated in the answer. */
  ASYNC
}
