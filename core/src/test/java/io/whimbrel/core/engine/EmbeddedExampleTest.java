package io.whimbrel.core.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Mutation;
import io.whimbrel.core.model.PointId;
import io.whimbrel.core.model.PointWrite;
import io.whimbrel.core.model.SearchRequest;
import io.whimbrel.core.model.SearchResult;
import io.whimbrel.core.model.Value;
import io.whimbrel.core.model.Vector;
import io.whimbrel.core.model.WriteOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The core without a server, as the documentation shows it.
class EmbeddedExampleTest {
  @Test
  void writesSearchesAndFindsEverythingAgainAfterReopening(@TempDir Path directory)
      throws IOException {
    try (Database database = Database.open(directory)) {
      ModelId model = new ModelId("example", "three-colours", "1");
      database.createCollection(
          CollectionSpec.of("colours", EmbeddingSpec.flat(model, 3, Metric.COSINE)));
      List<PointWrite> points =
          List.of(
              colour("red", 1, 0, 0),
              colour("orange", 1, 0.5f, 0),
              colour("green", 0, 1, 0),
              colour("blue", 0, 0, 1));
      database.write("colours", new Mutation.Upsert(points), WriteOptions.DEFAULT).join();

      SearchResult result = database.search("colours", SearchRequest.of(Vector.of(1, 0.4f, 0), 2));
      assertThat(result.hits())
          .extracting(hit -> hit.point().id().toString())
          .containsExactly("orange", "red");
    }
    try (Database database = Database.open(directory)) {
      SearchResult result = database.search("colours", SearchRequest.of(Vector.of(0, 0.1f, 1), 1));
      assertThat(result.hits().getFirst().point().payload())
          .containsEntry("name", new Value.StringValue("blue"));
    }
  }

  private static PointWrite colour(String name, float red, float green, float blue) {
    return PointWrite.of(
        PointId.of(name), Map.of("name", new Value.StringValue(name)), Vector.of(red, green, blue));
  }
}
