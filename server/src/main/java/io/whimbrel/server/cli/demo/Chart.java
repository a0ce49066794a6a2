package io.whimbrel.server.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Two shares over time as characters: `#` fills up to the first, `o` marks the second.
public final class Chart {
  private static final int WIDTH = 64;
  private static final int HEIGHT = 10;

  private final List<Sample> samples = new ArrayList<>();

  private record Sample(double seconds, double filled, double marked) {}

  /// Adds shares in [0, 1] at a time that does not go back.
  public synchronized void add(double seconds, double filled, double marked) {
    samples.add(new Sample(seconds, filled, marked));
  }

  /// The chart with axes, `events` below it in order; a time and a text each.
  public synchronized List<String> lines() {
    List<String> lines = new ArrayList<>();
    double end = samples.isEmpty() ? 1 : Math.max(1e-9, samples.getLast().seconds());
    double[] filled = new double[WIDTH];
    double[] marked = new double[WIDTH];
    int next = 0;
    Sample now = new Sample(0, 0, 0);
    for (int x = 0; x < WIDTH; x++) {
      while (next < samples.size() && samples.get(next).seconds() <= end * (x + 1) / WIDTH) {
        now = samples.get(next++);
      }
      filled[x] = now.filled();
      marked[x] = now.marked();
    }
    for (int y = HEIGHT; y >= 0; y--) {
      double level = y / (double) HEIGHT;
      StringBuilder line = new StringBuilder();
      line.append(y % 5 == 0 ? String.format(Locale.ROOT, "%4.0f %% |", level * 100) : "       |");
      for (int x = 0; x < WIDTH; x++) {
        boolean mark = Math.round(marked[x] * HEIGHT) == y;
        line.append(mark ? 'o' : filled[x] >= level - 1e-9 && y > 0 ? '#' : ' ');
      }
      lines.add(line.toString());
    }
    String right = String.format(Locale.ROOT, "%.1f s", end);
    lines.add("       +" + "-".repeat(WIDTH));
    lines.add("        0" + " ".repeat(WIDTH - 1 - right.length()) + right);
    lines.add("        # points with their new vector   o reads answered by the new version");
    return lines;
  }
}
