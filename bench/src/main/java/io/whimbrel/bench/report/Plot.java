package io.whimbrel.bench.report;

import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.DoubleStream;

/// Queries a second against recall, or against the share of accepted rows, as an SVG picture, one
/// line a series.
///
/// Recall is drawn by the number of nines, so that 0.99 and 0.999 do not fall together; no chart
/// library at hand has such an axis, and the rest is a few lines. Shares are drawn by logarithm.
public final class Plot {
  private static final int WIDTH = 860;
  private static final int HEIGHT = 520;
  private static final int LEFT = 70;
  private static final int RIGHT = 150;
  private static final int TOP = 50;
  private static final int BOTTOM = 50;
  private static final double RECALL_MIN = 0.5;
  private static final double RECALL_MAX = 0.9999;
  private static final List<Double> RECALL_TICKS =
      List.of(0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999);

  /// By Okabe and Ito: told apart with any kind of sight.
  private static final List<String> COLOURS =
      List.of("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000");

  private final Axis axis;
  private final StringBuilder svg = new StringBuilder();
  private final double qpsMin;
  private final double qpsMax;

  /// One line, its points by rising `x`.
  public record Series(String name, List<Point> points) {}

  /// @param x recall, or per cent
  public record Point(double x, double qps) {}

  /// What goes from left to right.
  ///
  /// @param min points below are left out
  /// @param place of a value, 0 at the left end and 1 at the right
  private record Axis(String title, double min, List<Double> ticks, DoubleUnaryOperator place) {}

  private static final Axis RECALL =
      new Axis(
          "recall",
          RECALL_MIN,
          RECALL_TICKS,
          recall -> {
            double shown = Math.clamp(recall, RECALL_MIN, RECALL_MAX);
            double share = Math.log((1 - RECALL_MIN) / (1 - shown));
            return share / Math.log((1 - RECALL_MIN) / (1 - RECALL_MAX));
          });

  private static final double PERCENT_MIN = 0.01;
  private static final Axis ACCEPTED =
      new Axis(
          "accepted rows, per cent",
          PERCENT_MIN,
          List.of(0.01, 0.1, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
          percent -> Math.log(percent / PERCENT_MIN) / Math.log(100 / PERCENT_MIN));

  private Plot(Axis axis, List<Series> all) {
    this.axis = axis;
    double[] qps =
        all.stream().flatMap(series -> series.points().stream()).mapToDouble(Point::qps).toArray();
    qpsMin = Math.pow(10, Math.floor(Math.log10(DoubleStream.of(qps).min().orElse(1))));
    qpsMax = Math.pow(10, Math.ceil(Math.log10(DoubleStream.of(qps).max().orElse(10))));
  }

  /// Over recall.
  public static String svg(String title, List<Series> all) {
    return svg(RECALL, title, all);
  }

  /// Over the share of accepted rows.
  public static String overAccepted(String title, List<Series> all) {
    return svg(ACCEPTED, title, all);
  }

  private static String svg(Axis axis, String title, List<Series> all) {
    Plot plot = new Plot(axis, all);
    plot.frame(title);
    for (int i = 0; i < all.size(); i++) {
      plot.line(all.get(i), i);
    }
    return plot.svg.append("</svg>\n").toString();
  }

  private void frame(String title) {
    add(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\""
            + " font-family=\"sans-serif\" font-size=\"12\">%n",
        WIDTH, HEIGHT);
    add("<rect width=\"%d\" height=\"%d\" fill=\"white\"/>%n", WIDTH, HEIGHT);
    text(LEFT, TOP - 20, "start", title);
    text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12, "middle", axis.title());
    text(LEFT, TOP - 5, "end", "queries/s");
    for (double tick : axis.ticks()) {
      rule(x(tick), TOP, x(tick), HEIGHT - BOTTOM);
      text(x(tick), HEIGHT - BOTTOM + 16, "middle", tick >= 1 ? "%.0f".formatted(tick) : "" + tick);
    }
    for (double qps = qpsMin; qps <= qpsMax * 1.001; qps *= 10) {
      rule(LEFT, y(qps), WIDTH - RIGHT, y(qps));
      text(LEFT - 6, y(qps) + 4, "end", String.format(Locale.ROOT, "%.0f", qps));
    }
  }

  private void line(Series series, int index) {
    String colour = COLOURS.get(index % COLOURS.size());
    StringBuilder path = new StringBuilder();
    for (Point point : series.points()) {
      if (point.x() < axis.min()) {
        continue;
      }
      path.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(point.x()), y(point.qps())));
      add(
          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>%n",
          x(point.x()), y(point.qps()), colour);
    }
    add(
        "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>%n",
        path.toString().strip(), colour);
    double legend = TOP + 10 + 20.0 * index;
    add(
        "<rect x=\"%d\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>%n",
        WIDTH - RIGHT + 15, legend - 4, colour);
    text(WIDTH - RIGHT + 35, legend + 2, "start", series.name());
  }

  private double x(double value) {
    return LEFT + (WIDTH - LEFT - RIGHT) * axis.place().applyAsDouble(value);
  }

  private double y(double qps) {
    double share = Math.log(qps / qpsMin) / Math.log(qpsMax / qpsMin);
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share;
  }

  private void rule(double x1, double y1, double x2, double y2) {
    add(
        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>%n",
        x1, y1, x2, y2);
  }

  private void text(double x, double y, String anchor, String text) {
    String safe = text.replace("&", "&amp;").replace("<", "&lt;");
    add("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n", x, y, anchor, safe);
  }

  private void add(String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}
