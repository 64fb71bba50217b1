/**
 * A fake consentd for the tests of programs that use it.
 *
 * <pre>{@code
 * @ExtendWith(FakeExtension.class)
 * class MailerTest {
 *   @Test
 *   void nobodyIsMailedWhoWithdrew(Fake fake) {
 *     fake.rules("rules: [{purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}]");
 *     Mailer mailer = new Mailer(Client.connect(fake.target()));
 *   }
 * }
 * }</pre>
 *
 * <p>It is the real server, but that rules decide in place of policies: requests are checked as the server checks them, events
 * are kept, and a check that no rule matches is denied. The program {@code consentctl} runs it: its path is in the environment
 * variable {@code CONSENTCTL}, or it is on the {@code PATH}. How rules are written says client/fake/RULES.md of consentd.
 *
 * <p>{@link io.github.consentd.client.testing.FakeExtension} needs JUnit 5 or newer, which its users have;
 * {@link io.github.consentd.client.testing.Fake} needs nothing.
 */
package io.github.consentd.client.testing;
