package io.whimbrel.core.model;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// One atomic change of points. All of it happens or nothing.
public sealed interface Mutation {
  /// Number of points the mutation names.
  int size();

  record Upsert(List<PointWrite> points) implements Mutation {
    public Upsert {
      points = List.copyOf(points);
    }

    @Override
    public int size() {
      return points.size();
    }
  }

  /// Ids that do not exist are passed over, unless `ifSeq` demands otherwise.
  ///
  /// @param filter points that do not meet it when the write is decided are passed over
  record Delete(List<PointId> ids, OptionalLong ifSeq, Filter filter) implements Mutation {
    public Delete {
      ids = List.copyOf(ids);
    }

    public Delete(List<PointId> ids, OptionalLong ifSeq) {
      this(ids, ifSeq, Filter.ALL);
    }

    @Override
    public int size() {
      return ids.size();
    }
  }

  /// Every id must exist.
  record UpdatePayload(List<PointId> ids, PayloadChange change, OptionalLong ifSeq)
      implements Mutation {
    public UpdatePayload {
      ids = List.copyOf(ids);
    }

    @Override
    public int size() {
      return ids.size();
    }
  }

  /// What happens to the payload of each point.
  sealed interface PayloadChange {
    record Set(Map<String, Value> payload) implements PayloadChange {
      public Set {
        payload = Map.copyOf(payload);
      }
    }

    record Merge(Map<String, Value> payload) implements PayloadChange {
      public Merge {
        payload = Map.copyOf(payload);
      }
    }

    record DeleteKeys(List<String> keys) implements PayloadChange {
      public DeleteKeys {
        keys = List.copyOf(keys);
      }
    }

    record Clear() implements PayloadChange {}
  }
}
