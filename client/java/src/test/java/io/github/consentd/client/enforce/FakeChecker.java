package io.github.consentd.client.enforce;

import io.github.consentd.client.Checker;
import io.github.consentd.client.Decision;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.LegalBasis;
import io.github.consentd.v1.Obligation;
import io.github.consentd.v1.Reason;
import io.github.consentd.v1.ReasonCode;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Decides without a server: allows "yes" until it is withdrawn, fails for "down", denies all others, and remembers who was
 * asked about.
 */
final class FakeChecker {
  final List<CheckRequest> asked = new CopyOnWriteArrayList<>();
  volatile boolean withdrawn;
  volatile boolean down; // it fails for all

  Checker checker() {
    InvocationHandler handler =
        (proxy, method, args) -> {
          if (method.getName().equals("timeout")) {
            return Duration.ofSeconds(1);
          }
          if (method.isDefault()) {
            return InvocationHandler.invokeDefault(proxy, method, args);
          }
          CheckRequest request = (CheckRequest) args[0];
          return method.getName().equals("check") ? decide(request) : CompletableFuture.supplyAsync(() -> decide(request));
        };
    return (Checker) Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {Checker.class}, handler);
  }

  private Decision decide(CheckRequest request) {
    asked.add(request);
    if (down) {
      throw new IllegalStateException("no answer");
    }
    return switch (request.getSubjectId()) {
      case "down" -> throw new IllegalStateException("no answer");
      case "yes" -> decision(!withdrawn);
      default -> decision(false);
    };
  }

  private static Decision decision(boolean allowed) {
    Reason reason = Reason.newBuilder().setCode(ReasonCode.REASON_CODE_CONSENT_WITHDRAWN).build();
    List<Obligation> obligations = List.of(Obligation.newBuilder().setCodeValue(1).build());
    LegalBasis basis = LegalBasis.forNumber(0);
    return new Decision(allowed, List.of(reason), basis, 0, obligations, List.of(), Optional.empty(), "", "", "d1");
  }
}
