/**
 * Lets a call through only where the caller's subject allows its purpose. {@link
 * io.github.consentd.client.enforce.GrpcEnforcer} holds gRPC servers to what their methods declare in the proto file, {@link
 * io.github.consentd.client.enforce.ConsentInterceptor} Spring MVC's handlers to their annotations, and {@link
 * io.github.consentd.client.enforce.ConsentFilter} guards any servlet. The frameworks are yours to bring.
 *
 * <p>What is guarded runs only after an ALLOW. A denial, an error, a subject that cannot be told and a method that declares
 * nothing keep it from running.
 */
package io.github.consentd.client.enforce;
