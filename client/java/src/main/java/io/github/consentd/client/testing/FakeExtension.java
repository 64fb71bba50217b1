package io.github.consentd.client.testing;

import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives each test that has a parameter of the type {@link Fake} a fake of its own, which denies everything until the test gives
 * it rules, and ends it after the test. The methods before and after each test may have the parameter too, and get the same.
 */
public final class FakeExtension implements ParameterResolver, AfterEachCallback {
  private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(FakeExtension.class);

  /** Made by JUnit. */
  public FakeExtension() {}

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Fake.class && context.getTestMethod().isPresent();
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    ExtensionContext.Store store = context.getStore(NAMESPACE);
    Fake fake = store.get(Fake.class, Fake.class);
    if (fake == null) {
      fake = Fake.start();
      store.put(Fake.class, fake);
    }
    return fake;
  }

  @Override
  public void afterEach(ExtensionContext context) {
    Fake fake = context.getStore(NAMESPACE).remove(Fake.class, Fake.class);
    if (fake != null) {
      fake.close();
    }
  }
}
