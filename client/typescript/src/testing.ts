/**
 * A fake consentd for the tests of programs that use it, for vitest, jest and node:test.
 *
 *     const fake = useFake({ beforeEach, afterEach });
 *
 *     test("nobody is mailed who withdrew", async () => {
 *       await fake().setRules([{ purpose: "marketing_email", decision: "DENY", reasons: ["CONSENT_WITHDRAWN"] }]);
 *       const mailer = new Mailer(new Client(fake().target));
 *
 * It is the real server, but that rules decide in place of policies: requests are checked as the server checks them, events are
 * kept, and a check that no rule matches is denied. The program `consentctl` runs it: its path is in the environment variable
 * `CONSENTCTL`, or it is on the `PATH`. How rules are written says client/fake/RULES.md of consentd.
 *
 * @packageDocumentation
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";

import { create, createRegistry, fromBinary, isMessage, toBinary, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { AnySchema, anyUnpack, EmptySchema, StringValueSchema, UInt32ValueSchema } from "@bufbuild/protobuf/wkt";
import { Client as Connection, credentials, status, type ServiceError } from "@grpc/grpc-js";

import { file_consent_v1_consent_service, RecordEventsRequestSchema, type RecordEventsRequest } from "./gen/consent/v1/consent_service_pb.js";
import { CheckRequestSchema, file_consent_v1_decision_service, type CheckRequest } from "./gen/consent/v1/decision_service_pb.js";
import { file_consent_v1_policy_service } from "./gen/consent/v1/policy_service_pb.js";

/** Rules as text in YAML, or as a list. */
export type Rules = string | readonly Readonly<Record<string, unknown>>[];

const service = "/consentd.fake.v1.FakeService/";

/** What a change of rules may take: a near cache that does not answer is waited for until its lease has run out. */
const timeoutMs = 10_000;

const registry = createRegistry(file_consent_v1_consent_service, file_consent_v1_decision_service, file_consent_v1_policy_service);

type Process = ChildProcessByStdio<Writable, Readable, Readable>;

/** A fake that runs until it is closed, or this process ends. It does not keep the process alive. */
export class Fake {
  /** Where it listens: host:port. */
  readonly target: string;
  readonly #process: Process;
  readonly #connection: Connection;
  #first = 0;

  private constructor(process: Process, target: string) {
    this.#process = process;
    this.target = target;
    this.#connection = new Connection(target, credentials.createInsecure());
  }

  /**
   * Starts a fake. It rejects with an Error whose message says what is wrong: with the rules, each fault with its line, or that
   * there is no `consentctl`, and how to get it.
   */
  static async start(rules: Rules = ""): Promise<Fake> {
    const process = spawn(program(), ["fake", "--until-stdin-ends"], { stdio: ["pipe", "pipe", "pipe"] });
    const fake = new Fake(process, await address(process));
    try {
      if (rules.length > 0) await fake.setRules(rules);
    } catch (error) {
      await fake.close();
      throw error;
    }
    return fake;
  }

  /**
   * Replaces the rules. No check that starts after it is answered by those before, by a near cache neither. It rejects with an
   * Error that has their faults; those before stay.
   */
  async setRules(rules: Rules): Promise<void> {
    const text = typeof rules === "string" ? rules : lines(rules);
    try {
      await this.#invoke("SetRules", StringValueSchema, create(StringValueSchema, { value: text }), EmptySchema);
    } catch (error) {
      const refused = error as ServiceError;
      throw refused.code === status.INVALID_ARGUMENT ? new Error(refused.details) : error;
    }
  }

  /**
   * The calls that were made since the start, or since `forget`, in their order. A check is a CheckRequest, whether it came alone,
   * in a batch or on a stream; one that was refused as invalid is not there. All else is the request of a call that succeeded.
   */
  async calls(): Promise<Message[]> {
    const found: Message[] = [];
    for (;;) {
      const call = await this.#call(this.#first + found.length);
      if (call === undefined) return found;
      found.push(call);
    }
  }

  /** The checks among `calls`. */
  async checks(): Promise<CheckRequest[]> {
    return (await this.calls()).filter((call) => isMessage(call, CheckRequestSchema));
  }

  /** The calls of RecordEvents among `calls`. */
  async recorded(): Promise<RecordEventsRequest[]> {
    return (await this.calls()).filter((call) => isMessage(call, RecordEventsRequestSchema));
  }

  /** Begins `calls` anew. */
  async forget(): Promise<void> {
    this.#first += (await this.calls()).length;
  }

  /** Ends the fake. It may be called again. */
  async close(): Promise<void> {
    this.#connection.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#process.once("close", () => resolve()));
    this.#process.ref(); // its end is waited for
    this.#process.stdin.end(); // with which it ends
    await ended;
  }

  async #call(position: number): Promise<Message | undefined> {
    try {
      const packed = await this.#invoke("Call", UInt32ValueSchema, create(UInt32ValueSchema, { value: position }), AnySchema);
      const call = anyUnpack(packed, registry);
      if (call === undefined) throw new Error(`a call of an unknown kind: ${packed.typeUrl}`);
      return call;
    } catch (error) {
      if ((error as ServiceError).code === status.OUT_OF_RANGE) return undefined;
      throw error;
    }
  }

  #invoke<I extends DescMessage, O extends DescMessage>(
    method: string,
    input: I,
    request: MessageShape<I>,
    output: O,
  ): Promise<MessageShape<O>> {
    const encode = (message: MessageShape<I>): Buffer => Buffer.from(toBinary(input, message));
    const decode = (data: Buffer): MessageShape<O> => fromBinary(output, data);
    return new Promise((resolve, reject) => {
      this.#connection.makeUnaryRequest(
        service + method,
        encode,
        decode,
        request,
        { deadline: Date.now() + timeoutMs },
        (error: ServiceError | null, answer?: MessageShape<O>) => (answer === undefined ? reject(error) : resolve(answer)),
      );
    });
  }
}

/** What a test runner calls before and after each test; those of vitest, jest and node:test are such. */
export interface Hooks {
  beforeEach(run: () => Promise<void>): unknown;
  afterEach(run: () => Promise<void>): unknown;
}

/** Has each test start a fake of its own, with these rules, and end it; the function that is returned is the test's. */
export function useFake(hooks: Hooks, rules: Rules = ""): () => Fake {
  let fake: Fake | undefined;
  hooks.beforeEach(async () => {
    fake = await Fake.start(rules);
  });
  hooks.afterEach(async () => {
    await fake?.close();
    fake = undefined;
  });
  return () => {
    if (fake === undefined) throw new Error("a fake is there while a test runs");
    return fake;
  };
}

/** Rules as JSON, which is YAML, each on a line of its own: the first is line 2. */
function lines(rules: readonly object[]): string {
  return `{"rules": [\n${rules.map((rule) => JSON.stringify(rule)).join(",\n")}\n]}`;
}

function program(): string {
  return process.env["CONSENTCTL"] || "consentctl";
}

/** The first line that a fake prints. From then on neither it nor its pipes keep this process alive. */
function address(child: Process): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = "";
    let said = "";
    child.stderr.on("data", (data: Buffer) => (said += data.toString()));
    child.stdout.on("data", (data: Buffer) => {
      out += data.toString();
      if (!out.includes("\n")) return;
      child.unref();
      for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as unknown as { unref(): void }).unref();
      resolve(out.slice(0, out.indexOf("\n")));
    });
    child.stdin.on("error", () => undefined); // it has ended
    child.once("error", (cause) => {
      const how = "go install github.com/consentd/consentd/client/consentctl@latest, and name it in CONSENTCTL if it is not on the PATH";
      reject(new Error(`a fake is run by the program consentctl, and ${program()} cannot be started: ${how}`, { cause }));
    });
    child.once("close", () => reject(new Error(`consentctl fake does not start: ${said.trim()}`)));
  });
}
