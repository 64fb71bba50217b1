package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TargetTest {
  @ParameterizedTest
  @ValueSource(strings = {
    "127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "[0:0:0:0:0:0:0:1]:1", "[::ffff:127.0.0.1]:1", "dns:///localhost:1",
    "dns://8.8.8.8/127.0.0.1:1", "unix:///tmp/s", "unix:s"
  })
  void staysOnThisMachine(String target) {
    assertEquals(true, Target.parse(target).local());
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "192.0.2.1:1", "[2001:db8::1]:1", "consentd.example:1", "127.0.0.1.example:1", "localhost.example:1",
    "dns:///consentd.example:1", "[::ffff:192.0.2.1]:1", "127.0.0.999:1", "passthrough:///127.0.0.1:1"
  })
  void isElsewhere(String target) {
    assertEquals(false, Target.parse(target).local());
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "", "127.0.0.1", "127.0.0.1:", ":7070", "::1", "[::1]", "[127.0.0.1]:1", "[nonsense]:1", "localhost:65536", "localhost:x",
    "dns:///localhost", "dns:///", "unix://relative/path", "unix:", "user@localhost/:1"
  })
  void isRefused(String target) {
    assertThrows(IllegalArgumentException.class, () -> Client.connect(target).close());
  }

  @Test
  void contradictionsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> Client.builder("localhost:1").tls().insecure().build());
  }
}
