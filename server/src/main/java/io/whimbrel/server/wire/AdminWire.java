package io.whimbrel.server.wire;

import com.google.protobuf.util.Durations;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.DatabaseStatus;
import io.whimbrel.proto.v1.CollectionStorage;
import io.whimbrel.proto.v1.FlushRequest;
import io.whimbrel.proto.v1.GetServerInfoRequest;
import io.whimbrel.proto.v1.GetServerInfoResponse;
import io.whimbrel.proto.v1.GetStorageStatsRequest;
import io.whimbrel.proto.v1.GetStorageStatsResponse;
import io.whimbrel.proto.v1.Limit;
import java.time.Duration;
import java.util.Map;

/// What an operator asks.
public final class AdminWire {
  private AdminWire() {}

  public static void check(GetServerInfoRequest message) {
    Form.known(message);
  }

  public static void check(GetStorageStatsRequest message) {
    Form.known(message);
  }

  public static void check(FlushRequest message) {
    Form.known(message);
  }

  public static GetServerInfoResponse info(
      String version, Duration uptime, Map<String, Long> limits, DatabaseStatus status) {
    GetServerInfoResponse.Builder out =
        GetServerInfoResponse.newBuilder()
            .setVersion(version)
            .setDatabaseId(status.databaseId())
            .setUptime(Durations.fromMillis(uptime.toMillis()))
            .setKernels(status.kernels())
            .setSeq(status.seq())
            .setReadOnlyReason(status.readOnlyReason());
    limits.forEach(
        (name, value) -> out.addLimits(Limit.newBuilder().setName(name).setValue(value)));
    return out.build();
  }

  public static GetStorageStatsResponse stats(DatabaseStatus status) {
    GetStorageStatsResponse.Builder out =
        GetStorageStatsResponse.newBuilder().setDiskBytes(status.diskBytes());
    long total = 0;
    for (CollectionInfo collection : status.collections()) {
      long bytes =
          collection.fields().stream()
              .flatMap(field -> field.versions().stream())
              .mapToLong(CollectionInfo.VersionInfo::indexBytes)
              .sum();
      total += bytes;
      out.addCollections(
          CollectionStorage.newBuilder()
              .setCollection(collection.name())
              .setPoints(collection.points())
              .setIndexBytes(bytes));
    }
    return out.setIndexBytes(total).build();
  }
}
