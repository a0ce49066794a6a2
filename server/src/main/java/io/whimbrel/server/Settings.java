package io.whimbrel.server;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The text of every option, where it came from, and its reading as a typed value.
final class Settings {
  private static final Pattern BYTES = Pattern.compile("(\\d{1,15})(|KiB|MiB|GiB)");
  private static final Pattern DURATION = Pattern.compile("(\\d{1,12})(ms|s|m|h)");

  /// @param origin in words: `default`, `file <path>`, `environment <variable>`, `flag --<key>`
  record Setting(ServerOption option, String text, String origin) {}

  private final Map<ServerOption, Setting> settings = new EnumMap<>(ServerOption.class);

  /// Later sources win: defaults, file, environment, flags.
  static Settings read(Map<String, String> flags, Map<String, String> environment)
      throws IOException {
    Settings read = new Settings();
    for (ServerOption option : ServerOption.values()) {
      read.put(option, option.defaultText(), "default");
    }
    Settings given = new Settings();
    for (ServerOption option : ServerOption.values()) {
      String text = environment.get(option.environment());
      if (text != null) {
        given.put(option, text, "environment " + option.environment());
      }
    }
    flags.forEach((key, text) -> given.put(known(key, "flag --" + key), text, "flag --" + key));
    Setting config = given.settings.get(ServerOption.CONFIG);
    if (config != null && !config.text().isEmpty()) {
      read.readFile(Path.of(config.text()));
    }
    read.settings.putAll(given.settings);
    return read;
  }

  private void readFile(Path file) throws IOException {
    Properties properties = new SingleProperties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    } catch (IllegalArgumentException malformedEscape) {
      throw WhimbrelException.of(
          ErrorCode.INVALID_ARGUMENT, "config", file + " is no properties file", malformedEscape);
    }
    for (String key : properties.stringPropertyNames().stream().sorted().toList()) {
      ServerOption option = known(key, "file " + file);
      if (option == ServerOption.CONFIG) {
        throw unknown(key, "file " + file);
      }
      put(option, properties.getProperty(key).strip(), "file " + file);
    }
  }

  /// Refuses a key that is given twice, where `Properties` would keep the last.
  private static final class SingleProperties extends Properties {
    @Override
    public synchronized Object put(Object key, Object value) {
      if (containsKey(key)) {
        throw WhimbrelException.of(
            ErrorCode.INVALID_ARGUMENT, key.toString(), "given twice in the file", "each key once");
      }
      return super.put(key, value);
    }
  }

  private static ServerOption known(String key, String origin) {
    return ServerOption.byKey(key).orElseThrow(() -> unknown(key, origin));
  }

  private static WhimbrelException unknown(String key, String origin) {
    List<String> keys = new ArrayList<>();
    for (ServerOption option : ServerOption.values()) {
      if (option != ServerOption.CONFIG) {
        keys.add(option.key());
      }
    }
    return WhimbrelException.of(
        ErrorCode.INVALID_ARGUMENT,
        key,
        "unknown setting (" + origin + ")",
        "one of " + String.join(", ", keys));
  }

  private void put(ServerOption option, String text, String origin) {
    settings.put(option, new Setting(option, text, origin));
  }

  /// All settings in the order of [ServerOption].
  List<Setting> all() {
    return List.copyOf(settings.values());
  }

  String text(ServerOption option) {
    return setting(option).text();
  }

  private Setting setting(ServerOption option) {
    Setting setting = settings.get(option);
    if (setting == null) {
      throw new IllegalStateException("no default for " + option);
    }
    return setting;
  }

  int number(ServerOption option, int min, int max) {
    String text = text(option);
    try {
      int value = Integer.parseInt(text);
      if (value >= min && value <= max) {
        return value;
      }
    } catch (NumberFormatException e) {
      throw refused(option);
    }
    throw refused(option);
  }

  int threads(ServerOption option) {
    int cores = Runtime.getRuntime().availableProcessors();
    return switch (text(option)) {
      case "cores" -> cores;
      case "half" -> Math.max(1, cores / 2);
      default -> number(option, 1, 1024);
    };
  }

  boolean flag(ServerOption option) {
    return switch (text(option)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw refused(option);
    };
  }

  /// A plain number of bytes, or one with KiB, MiB or GiB.
  long bytes(ServerOption option, long min, long max) {
    Matcher matcher = BYTES.matcher(text(option));
    if (!matcher.matches()) {
      throw refused(option);
    }
    int shift =
        switch (matcher.group(2)) {
          case "KiB" -> 10;
          case "MiB" -> 20;
          case "GiB" -> 30;
          default -> 0;
        };
    long count = Long.parseLong(matcher.group(1));
    if (count > max >> shift || count << shift < min) {
      throw refused(option);
    }
    return count << shift;
  }

  /// A number with ms, s, m or h.
  Duration duration(ServerOption option, Duration min, Duration max) {
    Matcher matcher = DURATION.matcher(text(option));
    if (!matcher.matches()) {
      throw refused(option);
    }
    long count = Long.parseLong(matcher.group(1));
    Duration value =
        switch (matcher.group(2)) {
          case "ms" -> Duration.ofMillis(count);
          case "s" -> Duration.ofSeconds(count);
          case "m" -> Duration.ofMinutes(count);
          default -> Duration.ofHours(count);
        };
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw refused(option);
    }
    return value;
  }

  WhimbrelException refused(ServerOption option) {
    Setting setting = setting(option);
    return WhimbrelException.of(
        ErrorCode.INVALID_ARGUMENT,
        option.key(),
        '"' + setting.text() + "\" (" + setting.origin() + ")",
        option.range());
  }
}
