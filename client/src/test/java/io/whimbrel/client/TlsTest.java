package io.whimbrel.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.grpc.TlsServerCredentials;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An encrypted connection, to a peer with a certificate of its own making. */
@Timeout(60)
class TlsTest {
  private static final char[] PASSWORD = "password".toCharArray();

  @TempDir Path directory;

  @Test
  void onlyATrustedServerIsTalkedTo() throws Exception {
    KeyStore keys = keys();
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(keys, PASSWORD);
    Path certificate =
        Files.writeString(
            directory.resolve("trust.pem"),
            "-----BEGIN CERTIFICATE-----\n"
                + Base64.getMimeEncoder().encodeToString(keys.getCertificate("peer").getEncoded())
                + "\n-----END CERTIFICATE-----\n");
    try (Peer peer =
        new Peer(TlsServerCredentials.newBuilder().keyManager(factory.getKeyManagers()).build())) {
      try (WhimbrelClient trusting = peer.client().tls(certificate).build()) {
        assertThat(trusting.count("books")).isZero();
      }
      RetryPolicy none = new RetryPolicy(1, Duration.ofMillis(1), Duration.ofMillis(1));
      for (WhimbrelClient.Builder wary :
          new WhimbrelClient.Builder[] {peer.client().tls(), peer.client()}) {
        try (WhimbrelClient client = wary.retries(none).build()) {
          assertThatExceptionOfType(WhimbrelException.class)
              .isThrownBy(() -> client.count("books"))
              .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.UNAVAILABLE));
        }
      }
    }
  }

  private KeyStore keys() throws Exception {
    Path file = directory.resolve("keys.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "peer",
                "-keyalg",
                "EC",
                "-dname",
                "CN=peer",
                "-ext",
                "SAN=ip:127.0.0.1",
                "-keystore",
                file.toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                new String(PASSWORD))
            .inheritIO()
            .start();
    assertThat(keytool.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(keytool.exitValue()).isZero();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      keys.load(in, PASSWORD);
    }
    return keys;
  }
}
