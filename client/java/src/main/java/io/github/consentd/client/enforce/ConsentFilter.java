package io.github.consentd.client.enforce;

import io.github.consentd.client.Checker;
import io.github.consentd.client.Decision;
import io.github.consentd.v1.Obligation;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * A servlet filter that lets a request through only where its subject allows a purpose. Else it answers: 403 with the
 * reasons, which do not name the subject; 401 where the subject cannot be told; 503 where there is no decision.
 *
 * <p>It is asked for the dispatches that it is mapped to; a forward from elsewhere passes it by unless FORWARD is one of
 * them. Needs the Jakarta Servlet API 6. Safe for use by many threads.
 */
public final class ConsentFilter implements Filter {
  private final HttpGate gate;
  private final String purpose;
  private final List<String> categories;

  /**
   * Guards what it is mapped to.
   *
   * @param checker decides, such as a client
   * @param controller whose policy decides
   * @param subject tells who a request is about, such as the user who is logged in; null, empty, or a RuntimeException: 401
   * @param purpose that must be allowed
   * @param dataCategories those that are used; none: the decision does not depend on data
   */
  public ConsentFilter(
      Checker checker, String controller, Function<HttpServletRequest, String> subject, String purpose, String... dataCategories) {
    this.gate = new HttpGate(checker, controller, subject);
    this.purpose = Objects.requireNonNull(purpose, "purpose");
    this.categories = List.of(dataCategories);
  }

  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain next) throws IOException, ServletException {
    if (!(request instanceof HttpServletRequest http && response instanceof HttpServletResponse answer)) {
      throw new ServletException("this is no HTTP: whose data it uses cannot be told");
    }
    if (gate.passes(http, answer, purpose, categories)) {
      next.doFilter(request, response);
    }
  }

  /**
   * The decision that let a request through, last, where it met several filters.
   *
   * @param request which
   * @return null where there is none
   */
  public static Decision decision(ServletRequest request) {
    return (Decision) request.getAttribute(HttpGate.DECISION);
  }

  /**
   * What must also be done for a request.
   *
   * @param request which
   * @return none where no decision let it through
   */
  public static List<Obligation> obligations(ServletRequest request) {
    Decision d = decision(request);
    return d == null ? List.of() : d.obligations();
  }
}
