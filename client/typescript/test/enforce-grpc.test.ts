import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import {
  create,
  createFileRegistry,
  fromBinary,
  setExtension,
  toBinary,
  type DescMessage,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import {
  Client as Channel,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { enforceGrpc, type GrpcOptions } from "../src/enforce/grpc.js";
import { Rules, subjectIn } from "../src/enforce/grpc-rules.js";
import { MethodPurposeSchema, purpose } from "../src/gen/consent/v1/options_pb.js";
import { Deciding } from "./deciding.js";

const text = (name: string, number: number, more: object = {}) => ({
  ...{ name, number, type: FieldDescriptorProto_Type.STRING, label: FieldDescriptorProto_Label.OPTIONAL },
  ...more,
});
const message = (name: string, number: number, typeName: string) => ({
  ...{ name, number, type: FieldDescriptorProto_Type.MESSAGE, label: FieldDescriptorProto_Label.OPTIONAL, typeName },
});

/** What the methods declare; undefined: nothing. */
const declared: Record<string, MessageInitShape<typeof MethodPurposeSchema> | undefined> = {
  Send: { name: "marketing_email", subjectField: "user_id", dataCategories: ["user.contact.email"] },
  Nested: { name: "marketing_email", subjectField: "user.id" },
  Chosen: { name: "marketing_email", subjectField: "by_mail" },
  Known: { name: "marketing_email" },
  Free: { name: "" },
  Wrong: { name: "marketing_email", subjectField: "user" },
  Missing: { name: "marketing_email", subjectField: "user.name" },
  Many: { name: "marketing_email", subjectField: "ids" },
  Silent: undefined,
};

/** A descriptor set as protoc and buf write it, with options that only the reader knows. */
function mailSet(): Uint8Array {
  const method = Object.entries(declared).map(([name, init]) => {
    const options = create(MethodOptionsSchema);
    if (init !== undefined) {
      setExtension(options, purpose, create(MethodPurposeSchema, init));
    }
    return { name, inputType: ".mail.Request", outputType: ".mail.Request", options };
  });
  const fields = [
    text("user_id", 1),
    message("user", 2, ".mail.User"),
    text("by_mail", 3, { oneofIndex: 0 }),
    text("ids", 4, { label: FieldDescriptorProto_Label.REPEATED }),
  ];
  const file = create(FileDescriptorProtoSchema, {
    ...{ name: "mail.proto", package: "mail", syntax: "proto3" },
    messageType: [
      { name: "User", field: [text("id", 1)] },
      { name: "Request", field: fields, oneofDecl: [{ name: "to" }] },
    ],
    service: [{ name: "Mail", method }],
  });
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
}

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, mailSet()));
const requestSchema = registry.getMessage("mail.Request") as DescMessage;

type Request = Record<string, unknown>;
const serialize = (r: Request) => Buffer.from(toBinary(requestSchema, create(requestSchema, r as never)));
const deserialize = (b: Uint8Array) => fromBinary(requestSchema, b) as unknown as Request;

/** The methods of a service, of which all are streams, or some. */
function serviceOf(service: string, requestStream = false, responseStream = false): ServiceDefinition {
  const of = (name: string) => ({
    ...{ path: `/${service}/${name}`, requestStream, responseStream, requestSerialize: serialize, responseSerialize: serialize },
    ...{ requestDeserialize: deserialize, responseDeserialize: deserialize },
  });
  return Object.fromEntries([...Object.keys(declared), "Other"].map((name) => [name, of(name)]));
}

interface Served {
  channel: Channel;
  deciding: Deciding;
}

/** Serves handlers, by the names of their methods, behind an interceptor. */
async function serve(
  t: TestContext,
  definition: ServiceDefinition,
  handlers: (consent: ReturnType<typeof enforceGrpc>, d: Deciding) => UntypedServiceImplementation,
  more: Partial<GrpcOptions> = {},
): Promise<Served> {
  const deciding = new Deciding();
  const consent = enforceGrpc({ ...deciding.options, services: registry, ...more });
  const server = new Server({ interceptors: [consent.interceptor] });
  server.addService(definition, handlers(consent, deciding));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, p) => (error ? reject(error) : resolve(p))),
  );
  const channel = new Channel(`127.0.0.1:${port}`, credentials.createInsecure());
  t.after(() => {
    channel.close();
    server.forceShutdown();
  });
  return { channel, deciding };
}

/** Calls a unary method; the status and the obligations that the handler met. */
function call(
  channel: Channel,
  path: string,
  request: Request,
  user = "",
): Promise<{ code: number; details: string; met: unknown }> {
  const metadata = new Metadata();
  if (user !== "") {
    metadata.set("user", user);
  }
  return new Promise((resolve) => {
    channel.makeUnaryRequest(path, serialize, deserialize, request, metadata, { deadline: Date.now() + 10_000 }, (error, answer) =>
      resolve({ code: error?.code ?? 0, details: error?.details ?? "", met: answer?.["userId"] }),
    );
  });
}

/** Handlers of all unary methods, which answer with the obligations they are to meet. */
const unary = (consent: ReturnType<typeof enforceGrpc>, deciding: Deciding): UntypedServiceImplementation =>
  Object.fromEntries(
    [...Object.keys(declared), "Other"].map((name) => [
      name,
      (c: ServerUnaryCall<Request, Request>, done: (error: null, answer: Request) => void) => {
        deciding.ran();
        const { allowed, obligations } = consent.decisionOf(c);
        done(null, { userId: `${allowed} ${obligations.map((o) => o.code)}` });
      },
    ]),
  );

test("methods run only where their purpose is allowed", async (t) => {
  const subject = (c: { metadata: Metadata }) => {
    const user = String(c.metadata.get("user")[0] ?? "");
    return user === "nobody" ? Promise.reject(new Error("no credentials")) : user;
  };
  const { channel, deciding } = await serve(t, serviceOf("mail.Mail"), unary, { subject });
  for (const [name, method, request, user, code, counted] of [
    ["allowed", "Send", { userId: "yes" }, "", status.OK, "marketing_email allowed"],
    ["denied", "Send", { userId: "no" }, "", status.PERMISSION_DENIED, "marketing_email denied"],
    ["no decision", "Send", { userId: "down" }, "", status.UNAVAILABLE, "marketing_email failed"],
    ["no subject", "Send", { user: { id: "yes" } }, "yes", status.INVALID_ARGUMENT, "marketing_email failed"],
    ["nested", "Nested", { userId: "no", user: { id: "yes" } }, "", status.OK, "marketing_email allowed"],
    ["nested, absent", "Nested", { userId: "yes" }, "", status.INVALID_ARGUMENT, "marketing_email failed"],
    ["of a choice", "Chosen", { to: { case: "byMail", value: "yes" } }, "", status.OK, "marketing_email allowed"],
    ["not chosen", "Chosen", { userId: "yes" }, "", status.INVALID_ARGUMENT, "marketing_email failed"],
    ["from the metadata", "Known", {}, "yes", status.OK, "marketing_email allowed"],
    ["denied, from the metadata", "Known", { userId: "yes" }, "no", status.PERMISSION_DENIED, "marketing_email denied"],
    ["not in them", "Known", { userId: "yes" }, "", status.UNAUTHENTICATED, "marketing_email failed"],
    ["of nobody", "Known", { userId: "yes" }, "nobody", status.UNAUTHENTICATED, "marketing_email failed"],
    ["needs none", "Free", { userId: "no" }, "", status.OK, undefined],
    ["no string", "Wrong", { userId: "yes" }, "yes", status.INTERNAL, " undeclared"],
    ["no such field", "Missing", { userId: "yes" }, "yes", status.INTERNAL, " undeclared"],
    ["several", "Many", { ids: ["yes"] }, "yes", status.INTERNAL, " undeclared"],
    ["declares nothing", "Silent", { userId: "yes" }, "yes", status.INTERNAL, " undeclared"],
    ["unknown", "Other", { userId: "yes" }, "yes", status.INTERNAL, " undeclared"],
  ] as const) {
    for (let n = 0; n < 2; n++) {
      // what a method declares is remembered
      const { runs } = deciding;
      const got = await call(channel, `/mail.Mail/${method}`, request, user);
      assert.equal(got.code, code, `${name}: ${got.details}`);
      assert.equal(deciding.runs - runs, code === status.OK ? 1 : 0, name);
      assert.deepEqual(deciding.seen.splice(0), counted === undefined ? [] : [`/mail.Mail/${method} ${counted}`], name);
      assert.equal(got.met, code !== status.OK ? undefined : counted === undefined ? "false " : "true 3", name);
    }
  }
  const denied = await call(channel, "/mail.Mail/Send", { userId: "no" });
  assert.equal(denied.details, "DENY: CONSENT_WITHDRAWN", "the subject is not named");
  assert.deepEqual(deciding.asked.at(-1), {
    controller: "example",
    subjectId: "no",
    purpose: "marketing_email",
    dataCategories: ["user.contact.email"],
  });
});

test("without the option subject, methods that name no field are refused; exempt services and gRPC's own are not", async (t) => {
  const { channel } = await serve(t, serviceOf("mail.Mail"), unary);
  assert.equal((await call(channel, "/mail.Mail/Known", {})).code, status.INTERNAL);
  for (const service of ["exempt.Mail", "grpc.health.v1.Health"]) {
    const other = await serve(t, serviceOf(service), unary, { exempt: ["exempt.Mail"] });
    assert.equal((await call(other.channel, `/${service}/Send`, { userId: "no" })).code, status.OK, service);
  }
});

/** What a stream brings until it ends. */
class Ended {
  readonly got: unknown[] = [];
  /** undefined: it has not ended. */
  code: number | undefined;

  constructor(stream: NodeJS.ReadableStream) {
    stream.on("data", (m: Request) => this.got.push(m["userId"]));
    stream.on("error", (error: ServiceError) => (this.code ??= error.code));
    stream.on("end", () => (this.code ??= 0));
  }

  async result(): Promise<{ got: unknown[]; code: number | undefined }> {
    await until(() => this.code !== undefined);
    return { got: this.got, code: this.code };
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !condition();) {
    assert.ok(performance.now() < end, "it takes too long");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A bidirectional method that sends a word when it begins, and one for each message. */
const echo = (consent: ReturnType<typeof enforceGrpc>, deciding: Deciding): UntypedServiceImplementation => ({
  Send: (stream: ServerDuplexStream<Request, Request>) => {
    deciding.ran();
    stream.write({ userId: `hello, ${consent.decisionOf(stream).allowed}` });
    stream.on("data", (m: Request) => void stream.write(m));
    stream.on("end", () => stream.end());
  },
});

test("a bidirectional stream says nothing before there is a decision", async (t) => {
  for (const [name, users, got, code, runs] of [
    ["allowed", ["yes", "yes"], ["hello, true", "yes", "yes"], 0, 1],
    ["denied", ["no", "yes"], [], status.PERMISSION_DENIED, 0],
    ["no decision", ["down"], [], status.UNAVAILABLE, 0],
    ["another later", ["yes", "no"], ["hello, true", "yes"], status.INVALID_ARGUMENT, 1],
    ["without a subject later", ["yes", ""], ["hello, true", "yes"], status.INVALID_ARGUMENT, 1],
    ["without a subject", [""], [], status.INVALID_ARGUMENT, 0],
    ["without a message", [], [], status.INVALID_ARGUMENT, 0],
  ] as const) {
    const { channel, deciding } = await serve(t, serviceOf("mail.Mail", true, true), echo);
    const stream = channel.makeBidiStreamRequest("/mail.Mail/Send", serialize, deserialize, { deadline: Date.now() + 10_000 });
    const ended = new Ended(stream);
    for (const [i, userId] of users.entries()) {
      stream.write({ userId });
      if (i === 0 && runs > 0) {
        await until(() => ended.got.length === 2);
      }
    }
    stream.end();
    const answer = await ended.result();
    assert.equal(answer.code, code, name);
    assert.equal(deciding.runs, runs, name);
    assert.deepEqual(answer.got, got, name);
  }
});

test("a withdrawal ends a stream before its next message, in and out", async (t) => {
  for (const who of ["caller", "handler"]) {
    let handler: ServerDuplexStream<Request, Request> | undefined;
    const taken: unknown[] = [];
    const { channel, deciding } = await serve(t, serviceOf("mail.Mail", true, true), () => ({
      Send: (stream: ServerDuplexStream<Request, Request>) => {
        handler = stream;
        stream.on("data", (m: Request) => void taken.push(m["userId"]));
        stream.on("end", () => stream.end());
        stream.on("error", () => undefined);
      },
    }));
    const stream = channel.makeBidiStreamRequest("/mail.Mail/Send", serialize, deserialize, { deadline: Date.now() + 10_000 });
    const ended = new Ended(stream);
    stream.write({ userId: "yes" });
    await until(() => taken.length === 1);
    deciding.allowed.clear(); // withdrawn
    (who === "caller" ? stream : handler!).write({ userId: "yes" });
    assert.deepEqual(await ended.result(), { got: [], code: status.PERMISSION_DENIED }, who);
    assert.deepEqual(taken, ["yes"], who);
    assert.ok(handler!.cancelled, "the handler is told");
  }
});

test("a withdrawal ends a stream on which no message passes, and so does the end of a decision", async (t) => {
  for (const end of ["withdrawn", "expired"]) {
    let handler: ServerDuplexStream<Request, Request> | undefined;
    const { channel, deciding } = await serve(
      t,
      serviceOf("mail.Mail", true, true),
      () => ({
        Send: (stream: ServerDuplexStream<Request, Request>) => {
          handler = stream;
          stream.on("data", () => undefined).on("error", () => undefined);
        },
      }),
      { streamRecheckMs: end === "expired" ? 3_600_000 : 10 },
    );
    deciding.validForMs = end === "expired" ? 50 : undefined;
    const stream = channel.makeBidiStreamRequest("/mail.Mail/Send", serialize, deserialize, { deadline: Date.now() + 10_000 });
    const ended = new Ended(stream);
    stream.write({ userId: "yes" });
    await until(() => handler !== undefined && (end === "expired" || deciding.asked.length > 3));
    assert.equal(ended.code, undefined, "it goes on as long as it is allowed");
    deciding.allowed.clear();
    assert.deepEqual(await ended.result(), { got: [], code: status.PERMISSION_DENIED }, end);
    assert.ok(handler!.cancelled);
    assert.deepEqual(
      deciding.seen,
      ["allowed", "denied"].map((o) => `/mail.Mail/Send marketing_email ${o}`),
    );
    const { length } = deciding.asked;
    await call(channel, "/mail.Mail/Other", {});
    assert.equal(deciding.asked.length, length, "nothing is asked for a stream that has ended");
  }
});

test("a server's stream is decided for each message that it sends", async (t) => {
  const { channel, deciding } = await serve(t, serviceOf("mail.Mail", false, true), (_, d) => ({
    Send: (stream: ServerWritableStream<Request, Request>) => {
      d.ran();
      stream.write({ userId: "1" });
      stream.write({ userId: "2" }, () => {
        d.allowed.clear();
        stream.write({ userId: "3" });
        stream.end();
      });
      stream.on("error", () => undefined);
    },
  }));
  const stream = () =>
    new Ended(
      channel.makeServerStreamRequest(
        "/mail.Mail/Send",
        serialize,
        deserialize,
        { userId: "yes" },
        { deadline: Date.now() + 10_000 },
      ),
    ).result();
  assert.deepEqual(await stream(), { got: ["1", "2"], code: status.PERMISSION_DENIED });
  assert.deepEqual(await stream(), { got: [], code: status.PERMISSION_DENIED });
  assert.equal(deciding.runs, 1);
});

test("a caller who goes away while it is decided leaves no handler running", async (t) => {
  let decide: (() => void) | undefined;
  const checker = { check: () => new Promise<never>((_, reject) => (decide = () => reject(new Error("late")))) };
  const { channel, deciding } = await serve(t, serviceOf("mail.Mail"), unary, { checker });
  const going = channel.makeUnaryRequest("/mail.Mail/Send", serialize, deserialize, { userId: "yes" }, () => undefined);
  await until(() => decide !== undefined);
  going.cancel();
  await call(channel, "/mail.Mail/Free", {}); // the server has heard
  decide!();
  assert.equal((await call(channel, "/mail.Mail/Free", {})).code, status.OK); // the server lives
  assert.equal(deciding.runs, 2);
});

test("a subject is found however the message was made, and only one", () => {
  const { field } = new Rules(registry, []).of("/mail.Mail/Send");
  const nested = new Rules(registry, []).of("/mail.Mail/Nested").field;
  for (const [request, want] of [
    [{ userId: "u" }, "u"], // protobuf-es, protobufjs
    [{ user_id: "u" }, "u"], // proto-loader with keepCase
    [{ getUserId: () => "u" }, "u"], // google-protobuf
    [{ userId: "u", user_id: "u" }, "u"],
    [{ userId: "u", user_id: "v" }, undefined],
    [{ userId: "", user_id: "v" }, "v"],
    [{ userId: 42 }, undefined],
    [{ userId: ["u"] }, undefined],
    [{ userId: null }, undefined],
    [{}, undefined],
    [null, undefined],
    ["u", undefined],
  ] as const) {
    assert.equal(subjectIn(request, field), want, JSON.stringify(request));
  }
  assert.equal(subjectIn({ user: { id: "u" } }, nested), "u");
  assert.equal(subjectIn({ getUser: () => ({ getId: () => "u" }) }, nested), "u");
  assert.equal(subjectIn({ user: null }, nested), undefined);
});
