/**
 * Lets a call through only where the caller's subject allows its purpose. gRPC methods declare theirs in the proto file, and {@link
 * io.github.consentd.client.enforce.GrpcEnforcer} holds servers to it.
 *
 * <p>What is guarded runs only after an ALLOW. A denial, an error, a subject that cannot be told and a method that declares nothing
 * keep it from running.
 */
package io.github.consentd.client.enforce;
