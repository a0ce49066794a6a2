package io.whimbrel.server.wire;

import io.whimbrel.core.model.Durability;
import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.Filter;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.WhimbrelException;
import io.whimbrel.core.model.WriteOptions;
import io.whimbrel.core.model.WriteResult;
import io.whimbrel.proto.v1.DeleteRequest;
import io.whimbrel.proto.v1.IngestRequest;
import io.whimbrel.proto.v1.UpdatePayloadRequest;
import io.whimbrel.proto.v1.UpsertRequest;
import io.whimbrel.proto.v1.WriteResponse;

/// Changes of points.
public final class WriteWire {
  private WriteWire() {}

  /// A write as the core takes it.
  public record Write(String collection, Mutation mutation, WriteOptions options) {}

  public static Write write(UpsertRequest message) {
    Form.known(message);
    return new Write(
        Form.collection(message.getCollection()),
        new Mutation.Upsert(PointWire.writes(message.getPointsList())),
        options(message.getOptions()));
  }

  /// `collection` is the stream's, settled by its first message.
  public static Write write(String collection, IngestRequest message) {
    Form.known(message);
    return new Write(
        Form.collection(collection),
        new Mutation.Upsert(PointWire.writes(message.getPointsList())),
        options(message.getOptions()));
  }

  /// A deletion by filter.
  ///
  /// @param dryRun count only
  public record DeleteMatching(
      String collection, Filter filter, Durability durability, boolean dryRun) {}

  public static Write write(DeleteRequest message) {
    Form.known(message);
    if (message.getDryRun()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "dry_run", "true with ids", "true only with a filter");
    }
    return new Write(
        Form.collection(message.getCollection()),
        new Mutation.Delete(
            PointWire.ids(message.getIdsList()),
            PointWire.ifSeq(message.hasIfSeq(), message.getIfSeq())),
        options(message.getOptions()));
  }

  /// Of a request that has a filter.
  public static DeleteMatching deleteMatching(DeleteRequest message) {
    Form.known(message);
    if (message.getIdsCount() > 0) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "ids", "given beside filter", "either ids or a filter");
    }
    if (message.hasIfSeq()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "if_seq", "given beside filter", "if_seq only with ids");
    }
    WriteOptions options = options(message.getOptions());
    if (!options.requestId().isEmpty()) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT,
          "options.request_id",
          "given beside filter",
          "none: a deletion by filter is many writes, and safe to repeat");
    }
    return new DeleteMatching(
        Form.collection(message.getCollection()),
        FilterWire.filter(true, message.getFilter()),
        options.durability(),
        message.getDryRun());
  }

  public static Write write(UpdatePayloadRequest message) {
    Form.known(message);
    return new Write(
        Form.collection(message.getCollection()),
        new Mutation.UpdatePayload(
            PointWire.ids(message.getIdsList()),
            change(message),
            PointWire.ifSeq(message.hasIfSeq(), message.getIfSeq())),
        options(message.getOptions()));
  }

  private static Mutation.PayloadChange change(UpdatePayloadRequest message) {
    return switch (message.getChangeCase()) {
      case SET -> {
        try {
          yield new Mutation.PayloadChange.Set(ValueWire.object(message.getSet()));
        } catch (WhimbrelException e) {
          throw Form.within("set", e);
        }
      }
      case MERGE -> {
        try {
          yield new Mutation.PayloadChange.Merge(ValueWire.object(message.getMerge()));
        } catch (WhimbrelException e) {
          throw Form.within("merge", e);
        }
      }
      case DELETE_KEYS ->
          new Mutation.PayloadChange.DeleteKeys(
              PointWire.names("delete_keys", message.getDeleteKeys()));
      case CLEAR -> {
        if (!message.getClear()) {
          throw Form.missing("clear", "true, or another change");
        }
        yield new Mutation.PayloadChange.Clear();
      }
      case CHANGE_NOT_SET -> throw Form.missing("change", "set, merge, delete_keys or clear");
    };
  }

  private static WriteOptions options(io.whimbrel.proto.v1.WriteOptions message) {
    try {
      Form.known(message);
      return new WriteOptions(message.getRequestId(), durability(message));
    } catch (WhimbrelException e) {
      throw Form.within("options", e);
    }
  }

  private static Durability durability(io.whimbrel.proto.v1.WriteOptions message) {
    return switch (message.getDurability()) {
      case DURABILITY_UNSPECIFIED, DURABILITY_SYNC -> Durability.SYNC;
      case DURABILITY_ASYNC -> Durability.ASYNC;
      case UNRECOGNIZED ->
          throw Form.unknownEnum(
              "durability", message.getDurabilityValue(), "DURABILITY_SYNC or DURABILITY_ASYNC");
    };
  }

  public static WriteResponse message(WriteResult result) {
    return WriteResponse.newBuilder()
        .setSeq(result.seq())
        .setAffected(result.affected())
        .setDurability(
            switch (result.durability()) {
              case SYNC -> io.whimbrel.proto.v1.Durability.DURABILITY_SYNC;
              case ASYNC -> io.whimbrel.proto.v1.Durability.DURABILITY_ASYNC;
            })
        .setDurableWithinMillis(result.durableWithinMillis())
        .setRepeatedRequest(result.repeated())
        .build();
  }
}
