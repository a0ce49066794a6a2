package io.whimbrel.server.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/// What the server answers, written back, is what was stored.
class WirePropertyTest {
  private static final int DEPTH_MAX = 4;

  @RepeatedTest(50)
  void aPointGoesOutAndInUnchanged(RepetitionInfo info) throws Exception {
    Random random = new Random(info.getCurrentRepetition());
    Point point =
        new Point(id(random), payload(random, DEPTH_MAX), vectors(random), random.nextLong(1, 99));

    byte[] bytes = PointWire.message(point).toByteArray();
    io.whimbrel.proto.v1.Point received = io.whimbrel.proto.v1.Point.parseFrom(bytes);
    PointWrite back = PointWire.writes(List.of(received.toBuilder().clearSeq().build())).getFirst();

    assertThat(received.getSeq()).isEqualTo(point.seq());
    assertThat(back.id()).isEqualTo(point.id());
    assertThat(back.payload()).isEqualTo(point.payload());
    assertThat(back)
        .isEqualTo(new PointWrite(point.id(), point.payload(), point.vectors(), back.ifSeq()));
    assertThat(back.ifSeq()).isEmpty();
  }

  @RepeatedTest(20)
  void packedAndPlainFloatsAreTheSameVector(RepetitionInfo info) {
    Vector vector = vector(new Random(info.getCurrentRepetition()));
    io.whimbrel.proto.v1.Vector packed = VectorWire.message(vector);
    io.whimbrel.proto.v1.Vector.Builder plain = packed.toBuilder().clearPacked();
    for (float value : vector.values()) {
      plain.addFloats(value);
    }

    assertThat(VectorWire.vector(packed)).isEqualTo(vector);
    assertThat(VectorWire.vector(plain.build())).isEqualTo(vector);
  }

  private static PointId id(Random random) {
    return random.nextBoolean()
        ? PointId.of(random.nextLong())
        : PointId.of("id-\u00e9-" + random.nextInt());
  }

  private static Map<String, Vector> vectors(Random random) {
    Map<String, Vector> vectors = new HashMap<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      vectors.put("field" + i, vector(random));
    }
    return vectors;
  }

  private static Vector vector(Random random) {
    int rows = random.nextInt(1, 4);
    float[] values = new float[rows * random.nextInt(1, 40)];
    for (int i = 0; i < values.length; i++) {
      // Any bits, infinities and NaN too: whether they are allowed is for the core to say.
      values[i] = Float.intBitsToFloat(random.nextInt());
    }
    return new Vector(values, rows, random.nextBoolean() ? "" : "space");
  }

  private static Map<String, Value> payload(Random random, int depth) {
    Map<String, Value> payload = new HashMap<>();
    for (int i = random.nextInt(5); i > 0; i--) {
      payload.put("key" + i, value(random, depth));
    }
    return payload;
  }

  private static Value value(Random random, int depth) {
    return switch (random.nextInt(depth == 0 ? 6 : 8)) {
      case 0 -> Value.NullValue.INSTANCE;
      case 1 -> new Value.BoolValue(random.nextBoolean());
      case 2 -> new Value.IntValue(random.nextLong());
      case 3 -> new Value.DoubleValue(Double.longBitsToDouble(random.nextLong()));
      case 4 -> new Value.StringValue("text " + random.nextInt());
      case 5 ->
          new Value.TimestampValue(
              Instant.ofEpochSecond(
                  random.nextLong(-62_135_596_800L, 253_402_300_800L),
                  random.nextInt(1_000_000_000)));
      case 6 -> {
        List<Value> values = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          values.add(value(random, depth - 1));
        }
        yield new Value.ListValue(values);
      }
      default -> new Value.ObjectValue(payload(random, depth - 1));
    };
  }
}
