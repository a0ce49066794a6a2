package io.whimbrel.core.collection;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.store.Batch;
import io.whimbrel.core.store.Keys;
import io.whimbrel.core.store.RequestRecord;
import io.whimbrel.core.store.StorageException;
import io.whimbrel.core.store.Table;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// The answers to recent writes that carried a request id, so that a retry after an unknown outcome
/// gets the first answer.
///
/// Bounded by number and by age, oldest forgotten first. Belongs to the sequencer thread.
final class RequestMemory {
  static final int REQUESTS_MAX = 65_536;
  static final long AGE_MILLIS_MAX = 3_600_000;

  /// In order of sequence numbers, oldest first.
  private final LinkedHashMap<String, RequestRecord> requests = new LinkedHashMap<>();

  RequestMemory(Map<String, RequestRecord> stored) {
    stored.entrySet().stream()
        .sorted(Comparator.comparingLong(entry -> entry.getValue().seq()))
        .forEach(entry -> requests.put(entry.getKey(), entry.getValue()));
  }

  /// The first answer, when `requestId` was seen. The same id for another request is refused.
  Optional<RequestRecord> recall(String requestId, long fingerprint) {
    RequestRecord first = requests.get(requestId);
    if (first == null) {
      return Optional.empty();
    }
    if (first.fingerprint() != fingerprint) {
      throw WhimbrelException.of(
          ErrorCode.REQUEST_ID_REUSED,
          "request_id",
          '"' + requestId + '"',
          "a new id for a new request; this one was used by write " + first.seq());
    }
    return Optional.of(first);
  }

  void remember(Batch batch, String requestId, RequestRecord answer) throws StorageException {
    batch.put(Table.SYSTEM, Keys.request(requestId), answer.encode());
    requests.put(requestId, answer);
    Iterator<Map.Entry<String, RequestRecord>> oldest = requests.entrySet().iterator();
    while (oldest.hasNext()) {
      Map.Entry<String, RequestRecord> entry = oldest.next();
      if (requests.size() <= REQUESTS_MAX
          && entry.getValue().atMillis() >= answer.atMillis() - AGE_MILLIS_MAX) {
        break;
      }
      batch.delete(Table.SYSTEM, Keys.request(entry.getKey()));
      oldest.remove();
    }
  }
}
