import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import "reflect-metadata";
import { Body, Controller, Get, Module, Post, type Type } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ExpressAdapter } from "@nestjs/platform-express";
import express from "express";
import fastify from "fastify";

import { Decision } from "../src/index.js";
import { enforceExpress } from "../src/enforce/express.js";
import { enforceFastify } from "../src/enforce/fastify.js";
import { ConsentDecision, ConsentGuard, decisionOf, NoPersonalData, Purpose } from "../src/enforce/nestjs.js";
import { Deciding } from "./deciding.js";

/** What each of the users gets. */
const outcomes = [
  ["yes", 200, "allowed"],
  ["no", 403, "denied"],
  ["down", 503, "failed"],
  ["nobody", 401, "failed"],
  ["unsure", 401, "failed"],
  ["", 401, "failed"],
] as const;

/** Who a request says that it is about. */
function userOf(headers: Record<string, unknown>): string {
  if (headers["user"] === "nobody") {
    throw new Error("not logged in");
  }
  return headers["user"] === "unsure" ? (["yes"] as never) : String(headers["user"] ?? "");
}

/** Posts as each of the users to a server that answers with the obligations it is to meet. */
async function tryAll(base: string, path: string, deciding: Deciding, where: string): Promise<void> {
  for (const [user, status, outcome] of outcomes) {
    const answer = await fetch(base + path, { method: "POST", headers: { user, "content-type": "application/json" }, body: "{}" });
    const body = (await answer.json()) as { error?: string; reasons?: string[] };
    assert.equal(answer.status, status, `${user}: ${JSON.stringify(body)}`);
    assert.deepEqual(deciding.seen.splice(0), [`${where} marketing_email ${outcome}`], user);
    if (status === 200) {
      assert.deepEqual(body, { obligations: [3] });
    } else {
      assert.deepEqual(body.reasons, status === 403 ? ["CONSENT_WITHDRAWN"] : []);
      assert.ok(!JSON.stringify(body).includes(`"${user}"`) || user === "", "the subject is not named");
    }
  }
  assert.deepEqual(
    new Set(deciding.asked.map((a) => `${a.controller} ${a.dataCategories}`)),
    new Set(["example user.contact.email"]),
  );
  assert.deepEqual(
    deciding.asked.map((a) => a.subjectId),
    ["yes", "no", "down"],
  );
}

const codes = (decision: Decision) => ({ obligations: decision.obligations.map((o) => o.code) });

test("Express runs what is allowed", async (t) => {
  const deciding = new Deciding();
  const consent = enforceExpress({ ...deciding.options, subject: (req) => userOf(req.headers) });
  const router = express.Router();
  router.post("/newsletter/:n", consent.requires("marketing_email", "user.contact.email"), (req, res) => {
    deciding.ran();
    res.json(codes(consent.decisionOf(req)));
  });
  const app = express().use("/mail", router);
  app.get("/free", (req, res) => void res.json({ allowed: consent.decisionOf(req).allowed }));
  const server = app.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await tryAll(base, "/mail/newsletter/1", deciding, "POST /mail/newsletter/:n");
  assert.equal(deciding.runs, 1);
  assert.deepEqual(await (await fetch(`${base}/free`)).json(), { allowed: false }, "without a decision there is one that denies");
});

test("Express: a refusal that comes after something else has answered runs nothing, and harms nobody", async (t) => {
  let refuse: (() => void) | undefined;
  const checker = { check: () => new Promise<never>((_, reject) => (refuse = () => reject(new Error("down")))) };
  const consent = enforceExpress({ checker, controller: "example", subject: () => "u" });
  const app = express();
  let ran = 0;
  app.get(
    "/",
    (_, res, next) => (res.status(504).json({}), next()),
    consent.requires("p"),
    () => void ran++,
  );
  const failed = new Promise((resolve) => app.use(((error, _req, _res, _next) => resolve(error)) as express.ErrorRequestHandler));
  const server = app.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  assert.equal((await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).status, 504);
  refuse!();
  assert.match(String(await failed), /headers/);
  assert.equal(ran, 0);
});

test("Fastify runs what is allowed", async (t) => {
  const deciding = new Deciding();
  const consent = enforceFastify({ ...deciding.options, subject: async (request) => userOf(request.headers) });
  const app = fastify();
  t.after(() => app.close());
  const preHandler = consent.requires("marketing_email", "user.contact.email");
  app.post("/mail/newsletter/:n", { preHandler }, async (request) => {
    deciding.ran();
    return codes(consent.decisionOf(request));
  });
  app.get("/free", async (request) => ({ allowed: consent.decisionOf(request).allowed }));
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  await tryAll(base, "/mail/newsletter/1", deciding, "POST /mail/newsletter/:n");
  assert.equal(deciding.runs, 1);
  assert.deepEqual(await (await fetch(`${base}/free`)).json(), { allowed: false });
});

test("Fastify: the handler does not run for a caller who leaves before the refusal was sent", async (t) => {
  const checker = { check: () => Promise.resolve(new Decision()) };
  const consent = enforceFastify({ checker, controller: "example", subject: () => "u" });
  const app = fastify();
  t.after(() => app.close());
  let ran = 0;
  let left: ((v: unknown) => void) | undefined;
  const gone = new Promise((resolve) => (left = resolve));
  const caller = new AbortController();
  app.addHook("onSend", async (request) => {
    request.raw.socket.once("close", left!);
    caller.abort();
    await gone;
    await new Promise((resolve) => setImmediate(resolve));
  });
  app.get("/", { preHandler: consent.requires("p") }, async () => ({ ran: ++ran }));
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  await assert.rejects(fetch(base, { signal: caller.signal }));
  await gone;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await fetch(`${base}/none`)).status, 404); // the server lives, and has had time
  assert.equal(ran, 0);
});

const deciding = new Deciding();

@Controller("mail")
class Mail {
  @Post("newsletter/:n")
  @Purpose("marketing_email", "user.contact.email")
  send(@ConsentDecision() decision: Decision, @Body() _: object) {
    deciding.ran();
    return codes(decision);
  }

  @Get("silent")
  silent() {
    deciding.ran();
    return {};
  }

  @Get("health")
  @NoPersonalData()
  health() {
    return { ok: true };
  }
}

@Controller("profile")
@Purpose("content_personalization")
class Profile {
  @Get()
  show(@ConsentDecision() decision: Decision) {
    return codes(decision);
  }

  @Get("health")
  @NoPersonalData()
  health() {
    return { ok: true };
  }
}

async function nest(t: TestContext, guard: ConsentGuard): Promise<string> {
  class App {}
  Module({ controllers: [Mail, Profile] as Type[] })(App);
  const app = await NestFactory.create(App, new ExpressAdapter(), { logger: false });
  app.useGlobalGuards(guard);
  t.after(() => app.close());
  await app.listen(0, "127.0.0.1");
  return (await app.getUrl()).replace("[::1]", "127.0.0.1");
}

test("NestJS runs what is allowed", async (t) => {
  const base = await nest(t, new ConsentGuard({ ...deciding.options, subject: (request) => userOf(request.headers) }));
  // NestJS answers a POST with 201.
  const created = (await fetch(`${base}/mail/newsletter/1`, { method: "POST", headers: { user: "yes" } })).status;
  assert.equal(created, 201);
  for (const [user, status] of outcomes.slice(1)) {
    const answer = await fetch(`${base}/mail/newsletter/1`, { method: "POST", headers: { user } });
    const body = (await answer.json()) as { reasons: string[] };
    assert.equal(answer.status, status, user);
    assert.deepEqual(body.reasons, status === 403 ? ["CONSENT_WITHDRAWN"] : []);
  }
  assert.equal(deciding.runs, 1);
  assert.deepEqual(
    deciding.seen.splice(0),
    outcomes.map(([, , outcome]) => `Mail.send marketing_email ${outcome}`),
  );
  assert.deepEqual(await (await fetch(`${base}/profile`, { headers: { user: "yes" } })).json(), { obligations: [3] });
  assert.equal(
    (await fetch(`${base}/profile`, { headers: { user: "no" } })).status,
    403,
    "a controller's purpose is its handlers'",
  );
  for (const path of ["/mail/health", "/profile/health"]) {
    assert.deepEqual(await (await fetch(base + path)).json(), { ok: true });
  }
  deciding.seen.length = 0;
  assert.equal((await fetch(`${base}/mail/silent`, { headers: { user: "yes" } })).status, 500, "what declares nothing is refused");
  assert.equal(deciding.runs, 1);
  assert.deepEqual(deciding.seen, ["Mail.silent  undeclared"]);
  assert.equal(decisionOf({}).allowed, false);
});

test("NestJS refuses calls of a kind that is not enforced, unless it is told where their request is", async () => {
  const context = (type: string) =>
    ({
      getType: () => type,
      getHandler: () => Mail.prototype.send,
      getClass: () => Mail,
      getArgByIndex: () => ({ headers: { user: "yes" } }),
    }) as never;
  const options = { ...deciding.options, subject: (request: { headers: Record<string, unknown> }) => userOf(request.headers) };
  await assert.rejects(new ConsentGuard(options).canActivate(context("rpc")), /declares no purpose/);
  const told = new ConsentGuard({ ...options, request: (c) => c.getArgByIndex(0) });
  assert.equal(await told.canActivate(context("rpc")), true);
});

test("what is missing shows when the server starts", () => {
  const subject = () => "u";
  for (const [options, what] of [
    [{}, /checker/],
    [{ checker: {} }, /checker/],
    [{ checker: deciding.options.checker }, /controller/],
    [{ checker: deciding.options.checker, controller: "" }, /controller/],
  ] as const) {
    assert.throws(() => enforceExpress({ ...options, subject } as never), what);
    assert.throws(() => enforceFastify({ ...options, subject } as never), what);
    assert.throws(() => new ConsentGuard({ ...options, subject } as never), what);
  }
  assert.throws(() => enforceExpress({ ...deciding.options, subject }).requires(""), TypeError);
  assert.throws(() => enforceFastify({ ...deciding.options, subject }).requires(undefined as never), TypeError);
  assert.throws(() => Purpose(""), TypeError);
});

test("an observer, and a checker that answers nonsense, let nothing through", async (t) => {
  for (const [answer, status] of [
    [undefined, 503],
    [{}, 503],
    [{ allowed: "true", reasons: [] }, 403],
    [new Decision(), 403],
  ] as const) {
    const observe = () => {
      throw new Error("of the observer");
    };
    const checker = { check: async () => answer as never };
    const consent = enforceFastify({ checker, controller: "example", observe, subject: () => "u" });
    const app = fastify();
    t.after(() => app.close());
    app.get("/", { preHandler: consent.requires("p") }, async () => "ran");
    assert.equal((await app.inject("/")).statusCode, status);
  }
});
