package io.github.consentd.client.enforce;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Declares for what purpose a handler of Spring MVC uses a subject's data; see {@link ConsentInterceptor}. That of a method
 * counts, else that of its class.
 */
@Documented
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
public @interface RequiresPurpose {
  /**
   * The purpose that must be allowed.
   *
   * @return empty: it uses no subject's data, which is then declared
   */
  String value();

  /**
   * The data categories that are used.
   *
   * @return none: the decision does not depend on data
   */
  String[] dataCategories() default {};
}
