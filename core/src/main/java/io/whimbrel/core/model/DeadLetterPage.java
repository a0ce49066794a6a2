package io.whimbrel.core.model;

import java.util.List;

/// Some dead letters.
///
/// @param nextCursor where the next page starts; empty when there are no more
public record DeadLetterPage(List<DeadLetter> deadLetters, byte[] nextCursor) {
  public DeadLetterPage {
    deadLetters = List.copyOf(deadLetters);
  }
}
