package io.whimbrel.server.flight;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.ReadOptions;
import io.whimbrel.core.model.Selector;
import io.whimbrel.core.model.WhimbrelException;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.apache.arrow.flight.impl.Flight.FlightData;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.memory.unsafe.UnsafeAllocationManager;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What is exported is read back exactly; what was damaged on the way is refused, and nothing leaks
/// either way.
class IpcMessagesPropertyTest {
  private static final long SEED = Long.getLong("whimbrel.seed", 20_261_123);
  private static final long MEMORY_MAX = 4 << 20;
  private static final ReadOptions ALL = new ReadOptions(Selector.ALL, Selector.ALL, 0);

  private final IpcMessages messages = new IpcMessages(FlightLimits.DEFAULT);
  private final BufferAllocator allocator =
      new RootAllocator(
          RootAllocator.configBuilder()
              .allocationManagerFactory(UnsafeAllocationManager.FACTORY)
              .maxAllocation(MEMORY_MAX)
              .build());

  @AfterEach
  void nothingIsHeld() {
    allocator.close();
  }

  private FlightData export(ExportSchema export, List<Point> points) {
    try (VectorSchemaRoot root = export.batch(points, allocator)) {
      return IpcMessages.encode(root).build();
    }
  }

  private List<PointWrite> read(FlightData schemaMessage, FlightData batch) {
    Schema schema = messages.schema(schemaMessage);
    UploadSchema upload = UploadSchema.of(schema, FlightSamples.COLLECTION);
    try (VectorSchemaRoot root = messages.recordBatch(batch, schema, allocator)) {
      return upload.read(root, FlightLimits.DEFAULT.batchValuesMax());
    }
  }

  @Test
  void everyExportedPointIsReadBackExactly() {
    FlightSamples samples = new FlightSamples(new Random(SEED));
    ExportSchema export = ExportSchema.of(FlightSamples.COLLECTION, ALL);
    FlightData schema = IpcMessages.encode(export.schema());
    for (int count : new int[] {0, 1, 7, 8, 9, 500}) {
      List<Point> points = samples.points(count);
      List<PointWrite> expected =
          points.stream()
              .map(p -> new PointWrite(p.id(), p.payload(), p.vectors(), OptionalLong.empty()))
              .toList();
      assertThat(read(schema, export(export, points))).as("seed %d", SEED).isEqualTo(expected);
    }
  }

  @Test
  void damagedMessagesAreRefusedAndHoldNoMemory() {
    Random random = new Random(SEED);
    ExportSchema export = ExportSchema.of(FlightSamples.COLLECTION, ALL);
    FlightData schema = IpcMessages.encode(export.schema());
    FlightData batch = export(export, new FlightSamples(random).points(20));
    int refused = 0;
    for (int round = 0; round < 20_000; round++) {
      boolean inSchema = round % 4 == 0;
      FlightData damaged = damage(inSchema ? schema : batch, random);
      try {
        List<PointWrite> read = inSchema ? read(damaged, batch) : read(schema, damaged);
        // Damage of a value is a value: no reader can know. The count was checked.
        assertThat(read.size()).isLessThanOrEqualTo(20);
      } catch (WhimbrelException e) {
        refused++;
        assertThat(e.field()).as("seed %d round %d", SEED, round).isNotEmpty();
      } catch (IndexOutOfBoundsException e) {
        // Arrow's own check of a buffer; the upload stream makes a refusal of it.
        refused++;
      }
      assertThat(allocator.getAllocatedMemory()).as("seed %d round %d", SEED, round).isZero();
    }
    assertThat(allocator.getPeakMemoryAllocation()).isLessThan(1 << 20);
    assertThat(refused).isGreaterThan(5_000);
  }

  /// Half of the damage is one flipped bit, the other half an extreme number in the header, where
  /// lengths are.
  private static FlightData damage(FlightData message, Random random) {
    byte[] header = message.getDataHeader().toByteArray();
    byte[] body = message.getDataBody().toByteArray();
    boolean inBody = body.length > 0 && random.nextInt(3) == 0;
    byte[] target = inBody ? body : header;
    int at = random.nextInt(target.length);
    if (random.nextBoolean()) {
      target[at] ^= (byte) (1 << random.nextInt(8));
    } else {
      byte[] extremes = {0, 0x7f, (byte) 0x80, (byte) 0xff, 1};
      byte extreme = extremes[random.nextInt(extremes.length)];
      for (int i = at; i < Math.min(target.length, at + 4); i++) {
        target[i] = extreme;
      }
    }
    return message.toBuilder()
        .setDataHeader(ByteString.copyFrom(header))
        .setDataBody(ByteString.copyFrom(body))
        .build();
  }
}
