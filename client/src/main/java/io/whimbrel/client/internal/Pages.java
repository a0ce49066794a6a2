package io.whimbrel.client.internal;

import io.whimbrel.client.Page;
import io.whimbrel.client.Point;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Points page after page. Fetches a page when its first point is asked for, and holds no other. One
 * thread.
 */
public final class Pages implements Iterator<Point> {
  private final Function<String, Page> fetch;
  private Page page = new Page(List.of(), Page.START, 0);
  private boolean started;
  private int next;

  private Pages(Function<String, Page> fetch) {
    this.fetch = fetch;
  }

  /** {@code fetch} gets the cursor of a page and returns the page. */
  public static Stream<Point> stream(Function<String, Page> fetch) {
    return StreamSupport.stream(
        Spliterators.spliteratorUnknownSize(
            new Pages(fetch), Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE),
        false);
  }

  @Override
  public boolean hasNext() {
    // A page may be empty and still not be the last.
    while (next == page.points().size() && !(started && page.last())) {
      page = fetch.apply(page.nextCursor());
      started = true;
      next = 0;
    }
    return next < page.points().size();
  }

  @Override
  public Point next() {
    if (!hasNext()) {
      throw new NoSuchElementException("no more points");
    }
    return page.points().get(next++);
  }
}
