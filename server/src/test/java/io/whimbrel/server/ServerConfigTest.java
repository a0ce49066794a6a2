package io.whimbrel.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.whimbrel.core.model.ErrorCode;
import io.whimbrel.core.model.WhimbrelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerConfigTest {
  @TempDir Path directory;

  @Test
  void defaultsAreSafe() throws Exception {
    ServerConfig config = ServerConfig.load(Map.of(), Map.of());

    assertThat(config.listen().host().isLoopbackAddress()).isTrue();
    assertThat(config.listen().port()).isEqualTo(7700);
    assertThat(config.insecure()).isFalse();
    assertThat(config.database().acceptDataLoss()).isFalse();
    assertThat(config.limits().inboundMessageBytesMax()).isEqualTo(16 << 20);
    assertThat(config.limits().callsPerConnectionMax()).isEqualTo(128);
    assertThat(config.database().asyncFlush()).isEqualTo(Duration.ofMillis(500));
  }

  @Test
  void flagsWinOverEnvironmentOverFileOverDefaults() throws Exception {
    Path file =
        write("port=1\nsearch-threads=1\nwrite-threads=1\nshutdown-grace=1m\n# a comment\n");
    ServerConfig config =
        ServerConfig.load(
            Map.of("port", "3", "config", file.toString()),
            Map.of("WHIMBREL_PORT", "2", "WHIMBREL_SEARCH_THREADS", "2", "PATH", "/bin"));

    assertThat(config.listen().port()).isEqualTo(3);
    assertThat(config.limits().search().threads()).isEqualTo(2);
    assertThat(config.limits().write().threads()).isEqualTo(1);
    assertThat(config.shutdownGrace()).isEqualTo(Duration.ofMinutes(1));
    assertThat(config.described())
        .contains(
            "port = 3  (flag --port)",
            "search-threads = 2  (environment WHIMBREL_SEARCH_THREADS)",
            "write-threads = 1  (file " + file + ")",
            "host = 127.0.0.1  (default)");
  }

  @Test
  void anUnknownKeyIsNamed() throws Exception {
    Path file = write("prot=1\n");
    assertRefused(Map.of("config", file.toString()), "prot", file.toString());
    assertRefused(Map.of("prot", "1"), "prot", "flag --prot");
    assertRefused(Map.of("config", write("config=x").toString()), "config", "unknown setting");
    assertRefused(Map.of("config", write("port=1\nport=2").toString()), "port", "twice");
  }

  @ParameterizedTest
  @CsvSource({
    "port, 65536",
    "port, x",
    "port, ''",
    "host, ''",
    "search-threads, 0",
    "insecure, yes",
    "shutdown-grace, 5",
    "shutdown-grace, 2h",
    "inbound-message-bytes-max, 2GiB",
    "inbound-message-bytes-max, 1MB",
    "inbound-message-bytes-max, 999999999999999GiB",
    "block-cache-bytes, 10",
    "tls-key, key.pem"
  })
  void aBadValueIsNamedWithItsOriginAndRange(String key, String value) {
    String field = key.equals("tls-key") ? "tls-certificate" : key;
    ServerOption option = ServerOption.byKey(field).orElseThrow();
    assertRefused(Map.of(key, value), field, "(expected: " + option.range() + ")");
  }

  @Test
  void otherMachinesAreLetInOnlyWithTlsOrOnPurpose() throws Exception {
    assertRefused(Map.of("host", "0.0.0.0"), "host", "0.0.0.0 without TLS");
    assertThat(
            ServerConfig.load(Map.of("host", "0.0.0.0", "insecure", "true"), Map.of()).insecure())
        .isTrue();
    assertThat(
            ServerConfig.load(
                    Map.of("host", "0.0.0.0", "tls-certificate", "c.pem", "tls-key", "k.pem"),
                    Map.of())
                .listen()
                .tls())
        .isPresent();
  }

  @Test
  void everyOptionHasOneNameAndADescription() {
    Set<String> keys = new HashSet<>();
    for (ServerOption option : ServerOption.values()) {
      assertThat(option.key()).matches("[a-z]+(-[a-z]+)*");
      assertThat(keys.add(option.key())).isTrue();
      assertThat(option.environment()).isEqualTo("WHIMBREL_" + option.name());
      assertThat(option.description()).isNotBlank();
      assertThat(option.range()).isNotBlank();
    }
  }

  private void assertRefused(Map<String, String> flags, String field, String text) {
    assertThatThrownBy(() -> ServerConfig.load(flags, Map.of()))
        .isInstanceOfSatisfying(
            WhimbrelException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT);
              assertThat(e.field()).isEqualTo(field);
              assertThat(e).hasMessageContaining(text);
            });
  }

  private Path write(String text) throws Exception {
    return Files.writeString(Files.createTempFile(directory, "server", ".properties"), text);
  }
}
