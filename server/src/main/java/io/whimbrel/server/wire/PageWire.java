package io.whimbrel.server.wire;

import com.google.protobuf.UnsafeByteOperations;
import io.whimbrel.core.model.Page;
import io.whimbrel.core.model.Point;
import io.whimbrel.proto.v1.GetResponse;
import io.whimbrel.proto.v1.ScrollResponse;
import java.util.List;

/// Answers that carry points.
public final class PageWire {
  private PageWire() {}

  public static GetResponse get(List<Point> points, long seq) {
    GetResponse.Builder out = GetResponse.newBuilder().setSeq(seq);
    points.forEach(point -> out.addPoints(PointWire.message(point)));
    return out.build();
  }

  public static ScrollResponse scroll(Page page) {
    ScrollResponse.Builder out =
        ScrollResponse.newBuilder()
            .setSeq(page.seq())
            .setNextCursor(UnsafeByteOperations.unsafeWrap(page.nextCursor()));
    page.points().forEach(point -> out.addPoints(PointWire.message(point)));
    return out.build();
  }
}
