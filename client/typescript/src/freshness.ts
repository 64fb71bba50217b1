import type { MessageInitShape } from "@bufbuild/protobuf";

import { reading } from "./codec.js";
import { asConsentError, ConsentError, StoreMismatchError } from "./errors.js";
import type { ConsistencySchema, ExplainRequestSchema, ExplainResponse } from "./gen/consent/v1/decision_service_pb.js";
import { tokenBytes } from "./near-codec.js";
import { atLeastAsFresh } from "./requests.js";

/** A request that may say how fresh the state behind its answer must be. */
export interface Demanding {
  consistency?: MessageInitShape<typeof ConsistencySchema> | undefined;
  /** Where at or knownAt is set the request is about the past: the server refuses a consistency beside that. */
  at?: unknown;
  knownAt?: unknown;
}

/** What the answer to a write says of it. */
export interface Acknowledgement {
  readonly consistencyToken: string;
  readonly revision: bigint;
}

/**
 * What a session knows: its newest write, and the store that it belongs to, which is that of the first token it
 * heard.
 */
export class Freshness {
  private token = "";
  private revision = 0n; // that the token stands for
  private store: string | undefined;
  private torn = false; // there were writes to more than one store: no server knows them all

  /** Keeps a write's token if it is the newest. @throws StoreMismatchError if it is of another store. */
  note({ consistencyToken, revision }: Acknowledgement): void {
    try {
      this.hear([consistencyToken]);
    } catch (cause) {
      this.torn = true;
      throw new StoreMismatchError("the events are recorded, but in another store than what came before", cause);
    }
    // A server that tells no revision has written what it acknowledges last.
    if (consistencyToken !== "" && (revision === 0n || revision > this.revision)) {
      this.token = consistencyToken;
      this.revision = revision;
    }
  }

  /**
   * Asks on a state that reflects the session's writes, unless the request says itself how fresh it must be. The
   * tokens are those in the answer.
   *
   * @throws StoreMismatchError if no server can meet it, the one that is asked refuses a token which it would know if it shared
   * the store, or its answer is of another store.
   */
  async ask<R extends Demanding, A>(request: R, call: (request: R) => Promise<A>, tokens: (answer: A) => string[]): Promise<A> {
    if (this.torn) {
      throw new StoreMismatchError("events were recorded in more than one");
    }
    const { own, demanding } = reading(() => this.demand(request));
    try {
      const answer = await call(demanding);
      this.hear(tokens(answer));
      return answer;
    } catch (thrown) {
      const error = asConsentError(thrown);
      if (refusesToken(error) && (own || reading(() => this.isOfStore(request)))) {
        throw new StoreMismatchError(`a server refuses the token of a write: ${error.message}`, error);
      }
      throw error;
    }
  }

  /** `ask` for a request whose check, within it, says how fresh the state must be. */
  async explain(
    request: MessageInitShape<typeof ExplainRequestSchema>,
    call: (request: MessageInitShape<typeof ExplainRequestSchema>) => Promise<ExplainResponse>,
  ): Promise<ExplainResponse> {
    const asked = reading(() => ({ consistency: request.check?.consistency, at: request.at, knownAt: request.knownAt }));
    return this.ask(
      asked,
      ({ consistency }) =>
        call(
          consistency === undefined
            ? request
            : reading(() => ({ ...request, check: { ...request.check, consistency } }) as typeof request),
        ),
      ({ decision }) => [decision?.consistencyToken ?? ""],
    );
  }

  /** The request with the newest write's token, where it is to have that. */
  private demand<R extends Demanding>(request: R): { own: boolean; demanding: R } {
    const past = !isAbsent(request.at) || !isAbsent(request.knownAt);
    const own = this.token !== "" && isAbsent(request.consistency) && !past;
    return { own, demanding: own ? { ...request, consistency: atLeastAsFresh(this.token) } : request };
  }

  private hear(tokens: string[]): void {
    for (const store of tokens.map(storeOf).filter((s) => s !== undefined)) {
      this.store ??= store;
      if (store !== this.store) {
        throw new StoreMismatchError(
          `an answer is of store ${store.slice(0, 8)}, earlier ones are of store ${this.store.slice(0, 8)}`,
        );
      }
    }
  }

  /** Whether the request's own token is of the session's store. */
  private isOfStore({ consistency }: Demanding): boolean {
    const { requirement } = consistency ?? {};
    const store = requirement?.case === "atLeastAsFresh" ? storeOf(requirement.value) : undefined;
    return store !== undefined && store === this.store;
  }
}

/** Whether a server says that its store is another than the token's, or has lost what the token stands for. */
function refusesToken(error: ConsentError): boolean {
  const refuses = error.code === "INVALID_ARGUMENT" || error.code === "FAILED_PRECONDITION";
  return refuses && error.violations.some((v) => refused.includes(v.field));
}

/** The field that has the token, in a check and in an explanation of one. */
const refused = ["consistency.at_least_as_fresh", "check.consistency.at_least_as_fresh"];

/** The id of the store that a consistency token is of; undefined where this version cannot read it. */
export function storeOf(token: string): string | undefined {
  return tokenBytes(token)?.toString("hex", 1, 17);
}

/** Neither is sent. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}
