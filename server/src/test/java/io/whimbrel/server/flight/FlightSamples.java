package io.whimbrel.server.flight;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionInfo;
import io.whimbrel.core.model.CollectionInfo.FieldInfo;
import io.whimbrel.core.model.CollectionInfo.VersionInfo;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.Point;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.Storage;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/// A collection with one single-vector and one multi-vector field, and random points of it.
final class FlightSamples {
  static final int DIMENSION = 5;
  static final int TOKEN_DIMENSION = 3;
  static final EmbeddingSpec DENSE =
      EmbeddingSpec.flat(new ModelId("acme", "dense", "1"), DIMENSION, Metric.DOT);
  static final EmbeddingSpec TOKENS =
      new EmbeddingSpec(
          new ModelId("acme", "tokens", "1"),
          TOKEN_DIMENSION,
          Metric.DOT,
          Cardinality.MULTI,
          Storage.FLOAT32,
          new IndexSpec.Flat(),
          List.of(),
          Origin.CLIENT,
          false,
          "",
          "");
  static final CollectionInfo COLLECTION =
      new CollectionInfo(
          "docs",
          List.of(field("default", DENSE), field("tokens", TOKENS)),
          0,
          1,
          List.of(),
          List.of(),
          List.of(),
          Optional.empty());

  private final Random random;

  FlightSamples(Random random) {
    this.random = random;
  }

  private static FieldInfo field(String name, EmbeddingSpec spec) {
    return new FieldInfo(name, List.of(new VersionInfo(1, spec, 0, 1, 0, 0, "")), List.of(1), 1);
  }

  List<Point> points(int count) {
    List<Point> points = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      points.add(point(i));
    }
    return points;
  }

  private Point point(int i) {
    PointId id =
        random.nextBoolean() ? PointId.of(random.nextLong()) : PointId.of("Füße \uD83D\uDC3E " + i);
    Map<String, Vector> vectors = new HashMap<>();
    if (random.nextInt(4) > 0) {
      vectors.put("default", new Vector(floats(DIMENSION), 1, DENSE.spaceId()));
    }
    if (random.nextInt(4) > 0) {
      int rows = 1 + random.nextInt(4);
      vectors.put("tokens", new Vector(floats(rows * TOKEN_DIMENSION), rows, TOKENS.spaceId()));
    }
    Map<String, Value> payload = new HashMap<>();
    for (int k = random.nextInt(5); k > 0; k--) {
      payload.put("key " + k, value(3));
    }
    return new Point(id, payload, vectors, random.nextLong() >>> 1);
  }

  private float[] floats(int count) {
    float[] floats = new float[count];
    for (int i = 0; i < count; i++) {
      floats[i] = random.nextInt(8) == 0 ? -0.0f : (float) random.nextGaussian();
    }
    return floats;
  }

  private Value value(int depth) {
    return switch (random.nextInt(depth == 0 ? 6 : 8)) {
      case 0 -> Value.NullValue.INSTANCE;
      case 1 -> new Value.BoolValue(random.nextBoolean());
      case 2 -> new Value.IntValue(random.nextBoolean() ? Long.MIN_VALUE : random.nextInt(3));
      case 3 -> new Value.DoubleValue(random.nextInt(3) == 0 ? -0.0 : random.nextInt(3));
      case 4 -> new Value.StringValue(random.nextBoolean() ? "" : "naïve \uD83D\uDE80");
      case 5 -> new Value.TimestampValue(Instant.ofEpochSecond(random.nextInt(), 999_999_999));
      case 6 -> {
        List<Value> values = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          values.add(value(depth - 1));
        }
        yield new Value.ListValue(values);
      }
      default -> {
        Map<String, Value> fields = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          fields.put("f" + i, value(depth - 1));
        }
        yield new Value.ObjectValue(fields);
      }
    };
  }
}
