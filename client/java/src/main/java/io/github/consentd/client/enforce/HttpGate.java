package io.github.consentd.client.enforce;

import io.github.consentd.client.Checker;
import io.github.consentd.client.Decision;
import io.github.consentd.client.Requests;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * Lets HTTP requests through, or answers them: 403 with the reasons of a denial, which do not name the subject; 401 where the
 * subject cannot be told; 503 where there is no decision.
 */
final class HttpGate {
  static final String DECISION = "io.github.consentd.client.decision";

  private final Checker checker;
  private final String controller;
  private final Function<HttpServletRequest, String> subject;

  HttpGate(Checker checker, String controller, Function<HttpServletRequest, String> subject) {
    this.checker = Objects.requireNonNull(checker, "checker");
    this.controller = Objects.requireNonNull(controller, "controller");
    this.subject = Objects.requireNonNull(subject, "subject");
  }

  /** Whether the request may go on; else it is answered. */
  boolean passes(HttpServletRequest request, HttpServletResponse response, String purpose, List<String> categories)
      throws IOException {
    request.removeAttribute(DECISION);
    String who = subject(request);
    if (who == null || who.isEmpty()) {
      answer(response, HttpServletResponse.SC_UNAUTHORIZED, "who the data are about cannot be told");
      return false;
    }
    Decision decision;
    try {
      decision = checker.check(Requests.check(controller, who, purpose).addAllDataCategories(categories).build());
    } catch (RuntimeException e) {
      answer(response, HttpServletResponse.SC_SERVICE_UNAVAILABLE, "consent cannot be checked at the moment");
      return false;
    }
    if (!decision.allowed()) {
      answer(response, HttpServletResponse.SC_FORBIDDEN, decision.toString());
      return false;
    }
    request.setAttribute(DECISION, decision);
    return true;
  }

  /** Null where it cannot be told. */
  private String subject(HttpServletRequest request) {
    try {
      return subject.apply(request);
    } catch (RuntimeException e) {
      return null;
    }
  }

  static void answer(HttpServletResponse response, int status, String text) throws IOException {
    response.setStatus(status);
    response.setHeader("Cache-Control", "no-store");
    response.setContentType("text/plain;charset=UTF-8");
    response.getWriter().println(text);
  }
}
