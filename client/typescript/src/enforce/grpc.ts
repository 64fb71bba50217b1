/**
 * An interceptor for servers of `@grpc/grpc-js`: a method runs only where the person whom a call is about allows the
 * purpose that the method declares in its proto file.
 *
 * ```proto
 * rpc SendNewsletter(SendNewsletterRequest) returns (SendNewsletterResponse) {
 *   option (consent.v1.purpose) = {name: "marketing_email", subject_field: "user_id"};
 * }
 * ```
 *
 * ```ts
 * const consent = enforceGrpc({ checker: client, controller: "example", services: [Mail] });
 * const server = new Server({ interceptors: [consent.interceptor] });
 * ```
 *
 * @packageDocumentation
 */
import {
  ServerInterceptingCall,
  status,
  type Metadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { AnyDesc } from "@bufbuild/protobuf";

import type { Decision } from "../decision.js";
import { Enforcer, type EnforceOptions, type Refusal, type SubjectOf, type Use, type Verdict } from "./enforcer.js";
import { Rules, subjectIn, type Rule } from "./grpc-rules.js";

export type { Decider, EnforceEvent, EnforceOptions, EnforceOutcome, SubjectOf } from "./enforcer.js";

/** What tells the subject of a call whose request does not. */
export interface GrpcCall {
  readonly method: string;
  readonly metadata: Metadata;
  /** The connection's, with the client's certificate. */
  readonly auth: ReturnType<ServerInterceptingCallInterface["getAuthContext"]>;
}

/** How gRPC methods are enforced. */
export interface GrpcOptions extends EnforceOptions {
  /**
   * The descriptors of the services that are served: of protobuf-es, `[Mail]`; of all else a registry of a descriptor
   * set, `createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes))`. A method of no service in here is refused.
   */
  services: Iterable<AnyDesc>;
  /**
   * Tells the subject of a call whose method names no field for it. Nobody: UNAUTHENTICATED. Not set: such methods are
   * refused.
   */
  subject?: SubjectOf<GrpcCall>;
  /**
   * How long a stream goes on by one decision while no message passes, in milliseconds. Default 2,000; zero and less
   * mean the default. With a near cache a check costs next to nothing, and it may be much shorter.
   */
  streamRecheckMs?: number;
  /** Services that need declare nothing, by full name. gRPC's own, such as health, are exempt anyway. */
  exempt?: string[];
}

/** What `enforceGrpc` gives. */
export interface GrpcEnforcement {
  /**
   * Decides before the handler runs, by the first message where the method names a field for the subject: a handler
   * that has to speak first takes its subject from the option `subject`. A stream is decided again for each message,
   * before it is handed out or sent, at the decision's validUntil, and when `streamRecheckMs` have passed without. All
   * messages of a stream are about one subject.
   *
   * A denial ends the call with PERMISSION_DENIED and the reasons, no decision with UNAVAILABLE, a message without a
   * subject or about another with INVALID_ARGUMENT, and a method that declares nothing with INTERNAL.
   *
   * Give it last of the server's interceptors if others change metadata: `decisionOf` knows a call by them.
   */
  readonly interceptor: ServerInterceptor;
  /** The newest decision that let a call go on, with the obligations to meet; one that denies if there was none. */
  decisionOf(call: { readonly metadata: Metadata }): Decision;
}

const defaultRecheckMs = 2_000;

/** @throws TypeError that names what the options lack. */
export function enforceGrpc(options: GrpcOptions): GrpcEnforcement {
  const enforcer = new Enforcer(options);
  const rules = new Rules(options.services, options.exempt ?? []);
  const interceptor: ServerInterceptor = ({ path, requestStream, responseStream }, call) => {
    const rule = rules.of(path);
    if (rule.purpose === "" && rule.fault === undefined) {
      return new ServerInterceptingCall(call);
    }
    const { subject, streamRecheckMs: wanted = 0 } = options;
    const recheckMs = wanted > 0 ? wanted : defaultRecheckMs;
    const stream = requestStream || responseStream;
    return new EnforcedCall(call, { enforcer, rule, method: path, subject, stream, recheckMs });
  };
  return { interceptor, decisionOf: (call) => enforcer.decisionOf(call.metadata) };
}

/** What one call is enforced by. */
interface Terms {
  readonly enforcer: Enforcer;
  readonly rule: Rule;
  readonly method: string;
  readonly subject: SubjectOf<GrpcCall> | undefined;
  readonly stream: boolean;
  readonly recheckMs: number;
}

type Listener = Parameters<ServerInterceptingCall["start"]>[0];
type Status = Parameters<ServerInterceptingCall["sendStatus"]>[0];

/**
 * One call. Its handler is not told of it before there is a decision: what the handler sends comes after that. Messages
 * are read one by one, as the handler asks for them, so that at most one waits to be decided on its way in, and one on
 * its way out.
 */
class EnforcedCall extends ServerInterceptingCall {
  private listener: Listener | undefined;
  private metadata: Metadata | undefined;
  /** The first message, which was read to know the subject, until the handler asks for it. */
  private first: { message: unknown } | undefined;
  private subject: string | undefined;
  private begun = false;
  private over = false;
  /** The one request is whole, which the handler is told after it. */
  private whole = false;
  private cancelled = false;
  /** When the stream is decided again unless a message has it done before. */
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly inner: ServerInterceptingCallInterface,
    private readonly terms: Terms,
  ) {
    super(inner);
  }

  override start(listener: Listener): void {
    this.listener = listener;
    this.inner.start({
      onReceiveMetadata: (metadata) => this.open(metadata),
      onReceiveMessage: (message) => void this.take(message),
      onReceiveHalfClose: () => void this.halfClose(),
      onCancel: () => {
        this.finish();
        this.cancel();
      },
    });
  }

  override startRead(): void {
    const { first } = this;
    if (this.over) {
      return; // what was read before the refusal goes nowhere
    }
    if (first !== undefined) {
      this.first = undefined;
      this.listener?.onReceiveMessage(first.message);
    } else if (this.whole) {
      this.listener?.onReceiveHalfClose();
    } else {
      this.inner.startRead();
    }
  }

  override sendMetadata(metadata: Metadata): void {
    if (!this.over) {
      this.inner.sendMetadata(metadata);
    }
  }

  override sendMessage(message: unknown, callback: () => void): void {
    if (!this.terms.stream) {
      this.send(message, callback); // it was decided for the one request
      return;
    }
    void this.decide().then((allowed) => allowed && this.send(message, callback));
  }

  private send(message: unknown, callback: () => void): void {
    if (!this.over) {
      this.inner.sendMessage(message, callback);
    }
  }

  override sendStatus(ended: Status): void {
    if (!this.over) {
      this.finish();
      this.inner.sendStatus(ended);
    }
  }

  private finish(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  private open(metadata: Metadata): void {
    this.metadata = metadata;
    const { rule, enforcer, method } = this.terms;
    if (rule.fault !== undefined) {
      enforcer.count({ where: method, purpose: "" }, "undeclared");
      this.refuse(status.INTERNAL, rule.fault);
    } else if (rule.field.length > 0) {
      this.inner.startRead(); // the handler is told once there is a message
    } else {
      void this.openKnown(metadata);
    }
  }

  /** The request does not tell the subject. */
  private async openKnown(metadata: Metadata): Promise<void> {
    const { method, subject } = this.terms;
    if (subject === undefined) {
      this.terms.enforcer.count(this.use(), "failed");
      this.refuse(status.INTERNAL, `${method} names no subject_field, and the option subject is not set`);
      return;
    }
    this.subject = await Promise.resolve()
      .then(() => subject({ method, metadata, auth: this.inner.getAuthContext() }))
      .then((s) => (typeof s === "string" && s !== "" ? s : undefined))
      .catch(() => undefined);
    if (this.subject === undefined) {
      this.terms.enforcer.count(this.use(), "failed");
      this.refuse(status.UNAUTHENTICATED, "who the data are about cannot be told");
    } else if (!this.terms.stream) {
      this.inner.startRead(); // decided once the request is whole, when the handler would run
    } else if (await this.decide()) {
      this.begin();
    }
  }

  /** Takes a message from the caller. */
  private async take(message: unknown): Promise<void> {
    const { rule, stream } = this.terms;
    if (rule.field.length > 0 && !this.isAboutOne(message)) {
      return;
    }
    if (!stream) {
      if (this.first !== undefined) {
        this.refuse(status.UNIMPLEMENTED, "a second request message");
        return;
      }
      this.first = { message };
      this.inner.startRead();
      return;
    }
    if (!(await this.decide())) {
      return;
    }
    if (this.begun) {
      this.listener?.onReceiveMessage(message);
      return;
    }
    this.first = { message };
    this.begin();
  }

  /** Whether a message names the subject of those before. */
  private isAboutOne(message: unknown): boolean {
    const { field, path } = this.terms.rule;
    const subject = subjectIn(message, field);
    this.subject ??= subject;
    if (subject !== undefined && subject === this.subject) {
      return true;
    }
    this.terms.enforcer.count(this.use(), "failed");
    const what = subject === undefined ? "is required: it names the subject" : "names another subject than the messages before";
    this.refuse(status.INVALID_ARGUMENT, `${path}: ${what}`);
    return false;
  }

  private async halfClose(): Promise<void> {
    if (this.begun) {
      if (!this.over) {
        this.listener?.onReceiveHalfClose();
      }
    } else if (this.first !== undefined) {
      if (await this.decide()) {
        this.whole = true;
        this.begin();
      }
    } else {
      this.terms.enforcer.count(this.use(), "failed");
      const { path } = this.terms.rule;
      this.refuse(status.INVALID_ARGUMENT, path === "" ? "there is no request" : `${path}: is required: it names the subject`);
    }
  }

  /** The handler runs from here on. */
  private begin(): void {
    if (!this.over && this.metadata !== undefined) {
      this.begun = true;
      this.listener?.onReceiveMetadata(this.metadata);
    }
  }

  /** Asks; false once the call has ended, which a refusal does. */
  private async decide(): Promise<boolean> {
    if (this.over) {
      return false;
    }
    const { enforcer } = this.terms;
    const subject = this.subject ?? "";
    const verdict: Verdict = await (this.begun ? enforcer.again(this.use(), subject) : enforcer.decide(this.use(), subject));
    if (verdict.decision === undefined) {
      this.refuse(codeOf(verdict.refusal), verdict.refusal.body.error);
      return false;
    }
    enforcer.let(this.metadata!, verdict.decision);
    if (this.terms.stream && !this.over) {
      this.decideLater(verdict.decision);
    }
    return !this.over;
  }

  /** At validUntil, if that is still to come by this machine's clock, or when it is time. */
  private decideLater({ validUntil }: Decision): void {
    const { recheckMs } = this.terms;
    const left = validUntil === undefined ? recheckMs : validUntil.getTime() - Date.now();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.decide(), left > 0 ? Math.min(left, recheckMs) : recheckMs).unref();
  }

  private use(): Use {
    const { rule, method } = this.terms;
    return { where: method, purpose: rule.purpose, dataCategories: rule.dataCategories };
  }

  private refuse(code: status, details: string): void {
    this.sendStatus({ code, details });
    this.cancel(); // gRPC tells the handler only once the status has left, for which a caller that does not read is waited for
  }

  private cancel(): void {
    if (!this.cancelled) {
      this.cancelled = true;
      process.nextTick(() => this.listener?.onCancel());
    }
  }
}

/** That there is no decision is not the caller's fault. */
function codeOf(refusal: Refusal): status {
  return refusal.status === 403 ? status.PERMISSION_DENIED : status.UNAVAILABLE;
}
