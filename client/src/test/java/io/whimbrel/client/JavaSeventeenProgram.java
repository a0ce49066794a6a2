package io.whimbrel.client;

import java.util.List;
import java.util.Map;

/**
 * An application on an older JDK: makes a collection on the server at {@code host port}, writes to
 * it in both ways, searches, and checks what it gets. Prints its Java version; ends with 0 if all
 * was right.
 */
public final class JavaSeventeenProgram {
  private JavaSeventeenProgram() {}

  /** {@code args}: host, port. */
  public static void main(String[] args) {
    String collection = "java-seventeen";
    PointId number = PointId.of(-1L);
    PointId text = PointId.of("B07YSTB5HX");
    try (WhimbrelClient client =
        WhimbrelClient.builder().address(args[0], Integer.parseInt(args[1])).build()) {
      CollectionInfo made =
          client.createCollection(
              CollectionSpec.of(collection, EmbeddingSpec.builder(2, Metric.DOT).build()));
      check(made.name().equals(collection), made);
      Map<String, Value> payload = Value.payload(Map.of("price", 19.5, "sold", Long.MIN_VALUE));
      WriteResult written =
          client.upsert(collection, List.of(Point.of(text, payload, Vector.of(1, 0))));
      check(written.affected() == 1, written);
      try (BulkWriter writer = client.bulkWriter(collection, BulkOptions.DEFAULT)) {
        writer.add(Point.of(number, Vector.of(0, 1)));
      }
      SearchResult found = client.search(collection, SearchRequest.of(Vector.of(1, 0.5f), 2));
      check(found.hits().size() == 2, found);
      check(found.hits().get(0).id().equals(text), found);
      check(found.hits().get(0).score() == 1.0, found);
      check(found.hits().get(0).payload().equals(payload), found);
      check(found.hits().get(1).id().equals(number), found);
      check(client.count(collection) == 2, "count");
    }
    System.out.println("java.version=" + System.getProperty("java.version"));
  }

  private static void check(boolean holds, Object seen) {
    if (!holds) {
      throw new IllegalStateException("not as expected: " + seen);
    }
  }
}
