package io.github.consentd.client.enforce;

/** What became of a call that was to be allowed. */
public enum Outcome {
  /** It was let run. */
  ALLOWED,
  /** The server denied it. */
  DENIED,
  /** There was no decision, or the subject could not be told. */
  FAILED,
  /** A gRPC method that declares no purpose was refused. */
  UNDECLARED
}
