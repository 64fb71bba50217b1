package io.github.consentd.client.enforce;

import io.github.consentd.client.Checker;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.web.cors.CorsUtils;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.resource.ResourceHttpRequestHandler;

/**
 * Holds Spring MVC's handlers to the purposes that they declare with {@link RequiresPurpose}:
 *
 * <pre>
 * registry.addInterceptor(new ConsentInterceptor(client, "example", request -&gt; request.getRemoteUser()));
 * </pre>
 *
 * <p>A handler runs only after an ALLOW; {@link ConsentFilter#obligations} has what it must also do. Else the answer is 403
 * with the reasons, which do not name the subject; 401 where the subject cannot be told; 503 where there is no decision; 500
 * where the handler declares nothing, or is no method of a controller and so cannot. Keep paths that are not to declare
 * anything out of its path patterns. Static resources, preflights of CORS and the dispatch to an error page are let through.
 * Safe for use by many threads.
 */
public final class ConsentInterceptor implements HandlerInterceptor {
  private static final String LET_RUN = ConsentInterceptor.class.getName() + ".letRun";

  private final HttpGate gate;

  /**
   * Guards the paths that it is registered for.
   *
   * @param checker decides, such as a client
   * @param controller whose policy decides
   * @param subject tells who a request is about, such as the user who is logged in; null, empty, or a RuntimeException: 401
   */
  public ConsentInterceptor(Checker checker, String controller, Function<HttpServletRequest, String> subject) {
    this.gate = new HttpGate(checker, controller, subject);
  }

  private static boolean needsNone(HttpServletRequest request, Object handler) {
    return switch (request.getDispatcherType()) {
      case ERROR -> true;
      // It was let run for this very purpose, and perhaps has answered in part.
      case ASYNC -> handler instanceof HandlerMethod method
          && declared(method) != null
          && declared(method).equals(request.getAttribute(LET_RUN));
      default -> handler instanceof ResourceHttpRequestHandler
          || !(handler instanceof HandlerMethod) && CorsUtils.isPreFlightRequest(request);
    };
  }

  private static RequiresPurpose declared(HandlerMethod method) {
    RequiresPurpose own = AnnotatedElementUtils.findMergedAnnotation(method.getMethod(), RequiresPurpose.class);
    return own != null ? own : AnnotatedElementUtils.findMergedAnnotation(method.getBeanType(), RequiresPurpose.class);
  }

  @Override
  public boolean preHandle(HttpServletRequest request, HttpServletResponse response, Object handler) throws IOException {
    if (needsNone(request, handler)) {
      return true;
    }
    RequiresPurpose declared = handler instanceof HandlerMethod method ? declared(method) : null;
    if (declared == null) {
      HttpGate.answer(response, HttpServletResponse.SC_INTERNAL_SERVER_ERROR, "what is asked for declares no purpose");
      return false;
    }
    boolean passes =
        declared.value().isEmpty() || gate.passes(request, response, declared.value(), List.of(declared.dataCategories()));
    request.setAttribute(LET_RUN, passes ? declared : null);
    return passes;
  }
}
