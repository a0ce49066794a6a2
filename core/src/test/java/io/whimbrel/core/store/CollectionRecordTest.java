package io.whimbrel.core.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.Cardinality;
import io.whimbrel.core.model.CollectionSpec;
import io.whimbrel.core.model.EmbeddingSpec;
import io.whimbrel.core.model.IndexSpec;
import io.whimbrel.core.model.Metric;
import io.whimbrel.core.model.ModelId;
import io.whimbrel.core.model.Origin;
import io.whimbrel.core.model.Storage;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CollectionRecordTest {
  private static CollectionRecord recordOf(boolean normalized, boolean keepOriginals) {
    EmbeddingSpec spec =
        new EmbeddingSpec(
            ModelId.UNNAMED,
            3,
            Metric.DOT,
            Cardinality.SINGLE,
            Storage.INT8,
            new IndexSpec.Flat(),
            List.of("title"),
            Origin.CLIENT,
            normalized,
            "",
            "",
            keepOriginals);
    return CollectionRecord.create(CollectionSpec.of("docs", spec), 7);
  }

  @Test
  void whetherOriginalsAreKeptComesBack() throws StorageException {
    for (boolean normalized : new boolean[] {false, true}) {
      for (boolean keepOriginals : new boolean[] {false, true}) {
        CollectionRecord made = recordOf(normalized, keepOriginals);
        assertThat(CollectionRecord.decode(made.encode())).isEqualTo(made);
      }
    }
  }

  @Test
  void anUnknownFlagIsRefused() {
    byte[] bytes = recordOf(true, true).encode();
    byte[] other = recordOf(false, true).encode();
    int flags = 0;
    while (bytes[flags] == other[flags]) {
      flags++;
    }
    bytes[flags] = 4;
    assertThatThrownBy(() -> CollectionRecord.decode(bytes))
        .isInstanceOf(StorageException.class)
        .hasMessageContaining("flags 4");
  }
}
