package io.whimbrel.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What applications compile against names types of the JDK and of the client only. */
class ApiSurfaceTest {
  @Test
  void noForeignTypeIsInAPublicSignature() throws Exception {
    List<Executable> signatures = new ArrayList<>();
    for (Class<?> type : publicTypes()) {
      signatures.addAll(List.of(type.getMethods()));
      signatures.addAll(List.of(type.getConstructors()));
    }
    assertThat(signatures).hasSizeGreaterThan(100);
    for (Executable signature : signatures) {
      List<Type> named = new ArrayList<>(List.of(signature.getGenericParameterTypes()));
      if (signature instanceof Method method) {
        named.add(method.getGenericReturnType());
      }
      for (Type type : named) {
        assertThat(type.getTypeName())
            .as(signature.toString())
            .doesNotContain(
                "io.grpc", "com.google", "io.netty", "whimbrel.proto", "client.internal");
      }
    }
  }

  private static List<Class<?>> publicTypes() throws Exception {
    Path directory =
        Path.of(WhimbrelClient.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<Class<?>> types = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory.resolve("io/whimbrel/client"))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        String name = file.getFileName().toString();
        Class<?> type = Class.forName("io.whimbrel.client." + name.substring(0, name.length() - 6));
        if (Modifier.isPublic(type.getModifiers())) {
          types.add(type);
        }
      }
    }
    return types;
  }
}
