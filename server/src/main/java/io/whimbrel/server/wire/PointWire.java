package io.whimbrel.server.wire;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Limits;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.proto.v1.PathList;
import io.whimbrel.proto.v1.PayloadSelector;
import io.whimbrel.proto.v1.VectorSelector;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/// Points, their ids, and what a reader selects of them.
public final class PointWire {
  /// Names in one selector or one list of payload keys.
  static final int PATH_NAMES_MAX = 1_000;

  private PointWire() {}

  public static PointId id(io.whimbrel.proto.v1.PointId message) {
    try {
      Form.known(message);
    } catch (WhimbrelException e) {
      throw Form.within("id", e);
    }
    return switch (message.getIdCase()) {
      case TEXT -> PointId.of(message.getText());
      case NUMBER -> PointId.of(message.getNumber());
      case ID_NOT_SET ->
          throw WhimbrelException.of(
              ErrorCode.INVALID_ID, "id", "not given", "a text or an unsigned 64-bit number");
    };
  }

  public static io.whimbrel.proto.v1.PointId message(PointId id) {
    io.whimbrel.proto.v1.PointId.Builder out = io.whimbrel.proto.v1.PointId.newBuilder();
    return switch (id) {
      case PointId.Text(String text) -> out.setText(text).build();
      case PointId.Number(long number) -> out.setNumber(number).build();
    };
  }

  /// At least one and at most a batch of ids.
  static List<PointId> ids(List<io.whimbrel.proto.v1.PointId> messages) {
    Limits.checkRange("ids", messages.size(), 1, Limits.BATCH_POINTS_MAX);
    List<PointId> ids = new ArrayList<>(messages.size());
    for (int i = 0; i < messages.size(); i++) {
      try {
        ids.add(id(messages.get(i)));
      } catch (WhimbrelException e) {
        // The id is the list's element, not a part of it.
        throw Form.renamed("ids[" + i + "]" + e.field().substring("id".length()), e);
      }
    }
    return ids;
  }

  /// At least one and at most a batch of points.
  static List<PointWrite> writes(List<io.whimbrel.proto.v1.Point> messages) {
    Limits.checkRange("points", messages.size(), 1, Limits.BATCH_POINTS_MAX);
    List<PointWrite> points = new ArrayList<>(messages.size());
    for (int i = 0; i < messages.size(); i++) {
      try {
        points.add(write(messages.get(i)));
      } catch (WhimbrelException e) {
        throw Form.within("points[" + i + "]", e);
      }
    }
    return points;
  }

  private static PointWrite write(io.whimbrel.proto.v1.Point message) {
    Form.known(message);
    if (message.getSeq() != 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "seq",
          Long.toUnsignedString(message.getSeq()),
          "0 in a write; if_seq demands a stored sequence number");
    }
    PointId id = id(message.getId());
    Map<String, List<Vector>> vectors = HashMap.newHashMap(message.getVectorsCount());
    for (Map.Entry<String, io.whimbrel.proto.v1.Vector> entry :
        message.getVectorsMap().entrySet()) {
      try {
        vectors.put(entry.getKey(), List.of(VectorWire.vector(entry.getValue())));
      } catch (WhimbrelException e) {
        throw Form.within("vectors." + entry.getKey(), e);
      }
    }
    message
        .getSpaceVectorsMap()
        .forEach((field, list) -> {
          String place = "space_vectors." + field;
          if (vectors.putIfAbsent(field, VectorWire.vectors(place, list)) != null) {
            throw WhimbrelException.of(
                ErrorCode.INVALID_ARGUMENT,
                place,
                "given in vectors too",
                "a field in vectors or in space_vectors");
          }
        });
    return new PointWrite(
        id,
        payload(message.getPayloadMap()),
        vectors,
        ifSeq(message.hasIfSeq(), message.getIfSeq()),
        message.getContentVersion());
  }

  private static Map<String, io.whimbrel.core.model.Value> payload(
      Map<String, io.whimbrel.proto.v1.Value> messages) {
    try {
      return ValueWire.fields(messages);
    } catch (WhimbrelException e) {
      throw Form.within("payload", e);
    }
  }

  static OptionalLong ifSeq(boolean given, long value) {
    return given ? OptionalLong.of(Form.seq("if_seq", value)) : OptionalLong.empty();
  }

  public static io.whimbrel.proto.v1.Point message(Point point) {
    io.whimbrel.proto.v1.Point.Builder out =
        io.whimbrel.proto.v1.Point.newBuilder().setId(message(point.id())).setSeq(point.seq());
    point.payload().forEach((name, value) -> out.putPayload(name, ValueWire.message(value)));
    point.vectors().forEach((field, vector) -> out.putVectors(field, VectorWire.message(vector)));
    return out.build();
  }

  static ReadOptions read(
      boolean hasPayload,
      PayloadSelector payload,
      boolean hasVectors,
      VectorSelector vectors,
      long minSeq) {
    return new ReadOptions(
        hasPayload ? payloadSelector(payload) : Selector.ALL,
        hasVectors ? vectorSelector(vectors) : Selector.NONE,
        Form.seq("min_seq", minSeq));
  }

  private static Selector payloadSelector(PayloadSelector message) {
    try {
      Form.known(message);
      return switch (message.getSelectCase()) {
        case ALL -> message.getAll() ? Selector.ALL : Selector.NONE;
        case INCLUDE -> new Selector.Include(names("include", message.getInclude()));
        case EXCLUDE -> new Selector.Exclude(names("exclude", message.getExclude()));
        case SELECT_NOT_SET -> throw Form.missing("select", "all, include or exclude");
      };
    } catch (WhimbrelException e) {
      throw Form.within("with_payload", e);
    }
  }

  private static Selector vectorSelector(VectorSelector message) {
    try {
      Form.known(message);
      return switch (message.getSelectCase()) {
        case ALL -> message.getAll() ? Selector.ALL : Selector.NONE;
        case FIELDS -> new Selector.Include(names("fields", message.getFields()));
        case SELECT_NOT_SET -> throw Form.missing("select", "all or fields");
      };
    } catch (WhimbrelException e) {
      throw Form.within("with_vectors", e);
    }
  }

  static List<String> names(String field, PathList message) {
    try {
      Form.known(message);
      Limits.checkRange("names", message.getNamesCount(), 0, PATH_NAMES_MAX);
      return List.copyOf(message.getNamesList());
    } catch (WhimbrelException e) {
      throw Form.within(field, e);
    }
  }
}
