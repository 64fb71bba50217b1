import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Client, ConsentError, newEvent } from "../src/index.js";
import { Fake, useFake } from "../src/testing.js";

const ask = { controller: "example", subjectId: "user-42", purpose: "marketing_email" };
const allow = [{ subject: "user-42", purpose: "marketing_email", decision: "ALLOW" }];

/** ./check builds it. */
const skip = process.env["CONSENTCTL"] ? false : "CONSENTCTL names no consentctl";

test("without the program the error says how to get it", async () => {
  const before = process.env["CONSENTCTL"];
  try {
    process.env["CONSENTCTL"] = "/nowhere/consentctl";
    await assert.rejects(Fake.start(), /\/nowhere\/consentctl cannot be started: go install .*\/client\/consentctl@latest/);
    process.env["CONSENTCTL"] = process.execPath; // it is no consentctl
    await assert.rejects(Fake.start(), /does not start: /);
  } finally {
    if (before === undefined) delete process.env["CONSENTCTL"];
    else process.env["CONSENTCTL"] = before;
  }
});

describe("a fake", { skip }, () => {
  const fake = useFake({ beforeEach, afterEach }, allow);
  const asking = async <T>(run: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client(fake().target);
    try {
      return await run(client);
    } finally {
      client.close();
    }
  };

  test("decides by rules, which change", () =>
    asking(async (client) => {
      assert.equal(await client.isAllowed(ask), true);
      await fake().setRules("rules: [{purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}]");
      assert.equal(String(await client.check(ask)).startsWith("DENY: CONSENT_WITHDRAWN"), true);
      await assert.rejects(fake().setRules([...allow, { decision: "MAYBE" }]), /line 3: decision: "MAYBE"/);
      assert.equal(await client.isAllowed(ask), false);
    }));

  test("refuses what the server refuses", () =>
    asking(async (client) => {
      const code = (code: string) => (error: unknown) => error instanceof ConsentError && error.code === code;
      await assert.rejects(client.check({ ...ask, controller: "nobody" }), code("NOT_FOUND"));
      await assert.rejects(client.check({ ...ask, dataCategories: ["A"] }), code("INVALID_ARGUMENT"));
    }));

  test("keeps the calls", () =>
    asking(async (client) => {
      await client.check(ask);
      const event = newEvent("support", { case: "objection", value: { purposes: ["marketing_email"] } });
      await client.recordEvents({ controller: "example", subjectId: "user-42", events: [event] });
      assert.deepEqual((await fake().calls()).map((c) => c.$typeName), ["consent.v1.CheckRequest", "consent.v1.RecordEventsRequest"]);
      assert.equal((await fake().checks())[0]?.subjectId, "user-42");
      assert.equal((await fake().recorded())[0]?.events[0]?.id, event.id);
      await fake().forget();
      assert.deepEqual(await fake().calls(), []);
    }));

  test("with faults does not start", () => assert.rejects(Fake.start([{ subject: "u" }]), /line 2: want either decision/));

  test("closes twice", async () => {
    const own = await Fake.start();
    await own.close();
    await own.close();
  });

  test("that is forgotten keeps nothing alive", () => {
    const module = fileURLToPath(new URL("../src/testing.js", import.meta.url));
    const script = `const { Fake } = await import(${JSON.stringify(module)}); console.log((await Fake.start()).target);`;
    const ran = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", timeout: 20_000 });
    assert.match(ran.stdout, /^127\.0\.0\.1:\d+\n$/);
    assert.equal(ran.status, 0);
  });
});
