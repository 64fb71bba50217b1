package io.github.consentd.client.enforce;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jakarta.servlet.DispatcherType;
import jakarta.servlet.http.HttpServletRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.springframework.mock.web.MockHttpServletRequest;
import org.springframework.mock.web.MockHttpServletResponse;
import org.springframework.test.web.servlet.MockMvc;
import org.springframework.test.web.servlet.MvcResult;
import org.springframework.test.web.servlet.request.MockHttpServletRequestBuilder;
import org.springframework.test.web.servlet.request.MockMvcRequestBuilders;
import org.springframework.test.web.servlet.setup.MockMvcBuilders;
import org.springframework.web.HttpRequestHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.resource.ResourceHttpRequestHandler;

/** Requests through Spring's dispatcher, and through the filter before it. */
class HttpEnforcementTest {
  private final FakeChecker checker = new FakeChecker();
  private final List<String> ran = new ArrayList<>();
  private final Function<HttpServletRequest, String> subject =
      r -> {
        if ("broken".equals(r.getHeader("User"))) {
          throw new IllegalStateException("the session is damaged");
        }
        return r.getHeader("User");
      };

  @RestController
  private final class Mail {
    @RequiresPurpose(value = "marketing_email", dataCategories = "user.contact.email")
    @GetMapping("/send")
    String send(HttpServletRequest request) {
      ran.add("send");
      return ConsentFilter.decision(request).id() + " " + ConsentFilter.obligations(request).size();
    }

    @RequiresPurpose("marketing_email")
    @GetMapping("/later")
    Callable<String> later() {
      return () -> "later";
    }

    @RequiresPurpose("")
    @GetMapping("/none")
    String none(HttpServletRequest request) {
      ran.add("none");
      return "none " + ConsentFilter.obligations(request).size();
    }

    @GetMapping("/silent")
    String silent() {
      ran.add("silent");
      return "silent";
    }
  }

  @RequiresPurpose("analytics")
  @RestController
  private final class Whole {
    @GetMapping("/whole")
    String whole() {
      ran.add("whole");
      return "whole";
    }
  }

  private final MockMvc annotated =
      MockMvcBuilders.standaloneSetup(new Mail(), new Whole())
          .addInterceptors(new ConsentInterceptor(checker.checker(), "example", subject))
          .build();

  private static MockHttpServletRequestBuilder get(String path, String user) {
    MockHttpServletRequestBuilder request = MockMvcRequestBuilders.get(path);
    return user == null ? request : request.header("User", user);
  }

  private static String answer(MockMvc mvc, MockHttpServletRequestBuilder request) throws Exception {
    MockHttpServletResponse response = mvc.perform(request).andReturn().getResponse();
    return response.getStatus() + " " + response.getContentAsString().trim();
  }

  private static final Map<String, String> REFUSALS =
      Map.of(
          "somebody", "403 DENY: CONSENT_WITHDRAWN",
          "down", "503 consent cannot be checked at the moment",
          "", "401 who the data are about cannot be told",
          "broken", "401 who the data are about cannot be told");

  @Test
  void handlersRunOnlyWhereTheirPurposeIsAllowed() throws Exception {
    for (Map.Entry<String, String> row : REFUSALS.entrySet()) {
      assertEquals(row.getValue(), answer(annotated, get("/send", row.getKey())));
    }
    assertEquals(REFUSALS.get(""), answer(annotated, get("/send", null)));
    assertEquals(List.of(), ran);
    assertEquals("200 d1 1", answer(annotated, get("/send", "yes")));
    assertEquals(List.of("send"), ran);
    var asked = checker.asked.get(checker.asked.size() - 1);
    assertEquals("example marketing_email", asked.getController() + " " + asked.getPurpose());
    assertEquals(List.of("user.contact.email"), asked.getDataCategoriesList());
    checker.withdrawn = true;
    assertEquals("403 DENY: CONSENT_WITHDRAWN", answer(annotated, get("/send", "yes")));
  }

  @Test
  void whatDeclaresNothingIsRefused() throws Exception {
    assertEquals("500 what is asked for declares no purpose", answer(annotated, get("/silent", "yes")));
    assertEquals(List.of(), ran);
    assertEquals("200 none 0", answer(annotated, get("/none", "somebody")));
    assertEquals("200 whole", answer(annotated, get("/whole", "yes")));
    assertEquals("analytics", checker.asked.get(0).getPurpose());
    assertEquals("403 DENY: CONSENT_WITHDRAWN", answer(annotated, get("/whole", "somebody")));
    assertEquals(1, checker.asked.stream().filter(r -> r.getSubjectId().equals("yes")).count());
  }

  /** Spring hands preflights to a handler of its own; a standalone dispatcher has none. */
  @Test
  void whatIsNoMethodOfAControllerIsRefusedButForPreflights() throws Exception {
    ConsentInterceptor interceptor = new ConsentInterceptor(checker.checker(), "example", subject);
    MockHttpServletRequest plain = new MockHttpServletRequest("OPTIONS", "/x");
    MockHttpServletRequest preflight = new MockHttpServletRequest("OPTIONS", "/x");
    preflight.addHeader("Origin", "https://a.example");
    preflight.addHeader("Access-Control-Request-Method", "GET");
    HttpRequestHandler other = (request, response) -> ran.add("other");
    HandlerMethod silent = new HandlerMethod(new Mail(), Mail.class.getDeclaredMethod("silent"));
    assertTrue(interceptor.preHandle(preflight, new MockHttpServletResponse(), other));
    assertFalse(interceptor.preHandle(preflight, new MockHttpServletResponse(), silent));
    assertFalse(interceptor.preHandle(plain, new MockHttpServletResponse(), other));
    assertTrue(interceptor.preHandle(plain, new MockHttpServletResponse(), new ResourceHttpRequestHandler()));
  }

  @Test
  void whatAnswersLaterIsDecidedOnce() throws Exception {
    MvcResult begun = annotated.perform(get("/later", "yes")).andReturn();
    begun.getAsyncResult();
    checker.withdrawn = true; // it has run
    begun.getRequest().setDispatcherType(DispatcherType.ASYNC);
    MvcResult later = annotated.perform(MockMvcRequestBuilders.asyncDispatch(begun)).andReturn();
    assertEquals("later", later.getResponse().getContentAsString());
    assertEquals(1, checker.asked.size());
    assertEquals("403 DENY: CONSENT_WITHDRAWN", answer(annotated, get("/later", "yes")));
  }

  /** An ASYNC dispatch may go to another path than the first; what let that one run says nothing of this one. */
  @Test
  void whatIsDispatchedToAnotherHandlerIsDecidedAnew() throws Exception {
    assertEquals("200 later", dispatched("/later"));
    Map<String, String> refusals =
        Map.of(
            "/whole", "403 DENY: CONSENT_WITHDRAWN",
            "/send", "403 DENY: CONSENT_WITHDRAWN", // the same purpose, with other data
            "/silent", "500 what is asked for declares no purpose");
    for (Map.Entry<String, String> row : refusals.entrySet()) {
      assertEquals(row.getValue(), dispatched(row.getKey()), row.getKey());
    }
    assertEquals(List.of(), ran);
  }

  /** What comes of a request for /later whose consent is withdrawn before it is dispatched again, to a path. */
  private String dispatched(String path) throws Exception {
    checker.withdrawn = false;
    MvcResult begun = annotated.perform(get("/later", "yes")).andReturn();
    begun.getAsyncResult();
    checker.withdrawn = true;
    begun.getRequest().setDispatcherType(DispatcherType.ASYNC);
    begun.getRequest().setRequestURI(path);
    MockHttpServletResponse response = annotated.perform(MockMvcRequestBuilders.asyncDispatch(begun)).andReturn().getResponse();
    return response.getStatus() + " " + response.getContentAsString().trim();
  }

  @Test
  void aDispatchThatWasRefusedLetsNoLaterOneRun() throws Exception {
    ConsentInterceptor interceptor = new ConsentInterceptor(checker.checker(), "example", subject);
    HandlerMethod later = new HandlerMethod(new Mail(), Mail.class.getDeclaredMethod("later"));
    HandlerMethod whole = new HandlerMethod(new Whole(), Whole.class.getDeclaredMethod("whole"));
    MockHttpServletRequest request = new MockHttpServletRequest("GET", "/later");
    request.addHeader("User", "yes");
    assertTrue(interceptor.preHandle(request, new MockHttpServletResponse(), later));
    checker.withdrawn = true;
    request.setDispatcherType(DispatcherType.ASYNC);
    assertTrue(interceptor.preHandle(request, new MockHttpServletResponse(), later));
    assertFalse(interceptor.preHandle(request, new MockHttpServletResponse(), whole));
    assertFalse(interceptor.preHandle(request, new MockHttpServletResponse(), later));
    HttpRequestHandler other = (r, response) -> ran.add("other");
    assertFalse(interceptor.preHandle(request, new MockHttpServletResponse(), other), "it cannot declare anything");
  }

  @Test
  void anErrorPageIsShown() throws Exception {
    MockHttpServletRequestBuilder error =
        get("/silent", null)
            .with(
                r -> {
                  r.setDispatcherType(DispatcherType.ERROR);
                  return r;
                });
    assertEquals("200 silent", answer(annotated, error));
  }

  @Test
  void aFilterGuardsWhatItIsMappedTo() throws Exception {
    ConsentFilter filter = new ConsentFilter(checker.checker(), "example", subject, "marketing_email", "user.contact.email");
    MockMvc filtered = MockMvcBuilders.standaloneSetup(new Mail()).addFilter(filter, "/send").build();
    for (Map.Entry<String, String> row : REFUSALS.entrySet()) {
      String answer = answer(filtered, get("/send", row.getKey()));
      assertEquals(row.getValue(), answer);
      assertFalse(!row.getKey().isEmpty() && answer.contains(row.getKey()), "it names the subject");
    }
    assertEquals(List.of(), ran);
    assertEquals("200 d1 1", answer(filtered, get("/send", "yes")));
    assertEquals("200 silent", answer(filtered, get("/silent", "somebody")), "it is not mapped there");
    assertNull(ConsentFilter.decision(filtered.perform(get("/silent", "yes")).andReturn().getRequest()));
  }
}
