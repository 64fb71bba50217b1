import assert from "node:assert/strict";
import { test } from "node:test";

import { ConsentError } from "../src/index.js";
import { systemClock } from "../src/retry.js";
import { allow, ask, clientOver, FakeClock, FakeTransport, unavailable } from "./fakes.js";

/** A server that fails the first n times. */
function flaky(n: number, error: ConsentError): FakeTransport {
  const transport: FakeTransport = new FakeTransport(() => {
    if (transport.attempts.length <= n) {
      throw error;
    }
    return allow;
  });
  return transport;
}

const cases: {
  name: string;
  failures: number;
  error?: ConsentError;
  timeoutMs?: number;
  attempts: number;
  code?: string;
  sleeps: number[];
}[] = [
  { name: "what succeeds is not repeated", failures: 0, attempts: 1, sleeps: [] },
  { name: "one failure", failures: 1, attempts: 2, sleeps: [18.75] },
  { name: "three failures", failures: 3, attempts: 4, sleeps: [18.75, 37.5, 75] },
  { name: "failures for ever", failures: 99, attempts: 4, code: "UNAVAILABLE", sleeps: [18.75, 37.5, 75] },
  { name: "the server asks for a delay", failures: 1, error: unavailable(300), attempts: 2, sleeps: [318.75] },
  { name: "a delay beyond the deadline", failures: 1, error: unavailable(2_000), attempts: 1, code: "UNAVAILABLE", sleeps: [] },
  { name: "a delay within the call's deadline", failures: 1, error: unavailable(2_000), timeoutMs: 60_000, attempts: 2, sleeps: [2018.75] },
  {
    name: "another error",
    failures: 1,
    error: new ConsentError("RESOURCE_EXHAUSTED", "overload"),
    attempts: 1,
    code: "RESOURCE_EXHAUSTED",
    sleeps: [],
  },
  { name: "a deadline that has passed", failures: 0, timeoutMs: 0, attempts: 0, code: "DEADLINE_EXCEEDED", sleeps: [] },
];

for (const { name, failures, error, timeoutMs, attempts, code, sleeps } of cases) {
  test(name, async () => {
    const transport = flaky(failures, error ?? unavailable());
    const clock = new FakeClock();
    const call = clientOver(transport, { clock }).check(ask, timeoutMs === undefined ? {} : { timeoutMs });
    if (code === undefined) {
      assert.equal((await call).allowed, true);
    } else {
      await assert.rejects(call, { name: "ConsentError", code });
    }
    assert.equal(transport.attempts.length, attempts);
    assert.deepEqual(clock.sleeps, sleeps);
  });
}

test("all attempts share the deadline and the bytes of the request", async () => {
  const transport = flaky(1, unavailable(300));
  await clientOver(transport).check(ask);
  assert.deepEqual(
    transport.attempts.map((a) => a.bounds.timeoutMs),
    [1_000, 681.25],
  );
  assert.equal(transport.attempts[0]?.request, transport.attempts[1]?.request);
});

test("the client's own timeout is the default", async () => {
  for (const [timeoutMs, want] of [
    [3_000, 3_000],
    [0, 1_000],
    [-1, 1_000],
  ] as const) {
    const transport = flaky(0, unavailable());
    await clientOver(transport, { options: { timeoutMs } }).check(ask);
    assert.equal(transport.attempts[0]?.bounds.timeoutMs, want);
  }
});

test("a signal ends the wait and keeps the server's error", async () => {
  const controller = new AbortController();
  const clock = new FakeClock();
  clock.onSleep = () => controller.abort();
  const transport = flaky(9, unavailable());
  await assert.rejects(clientOver(transport, { clock }).check(ask, { signal: controller.signal }), { code: "UNAVAILABLE" });
  assert.equal(transport.attempts.length, 1);
  await assert.rejects(clientOver(transport, { clock }).check(ask, { signal: controller.signal }), { code: "CANCELLED" });
  assert.equal(transport.attempts.length, 1);
});

test("a stream that the server reset at the deadline has timed out", async () => {
  for (const [late, code] of [
    [991, "DEADLINE_EXCEEDED"],
    [500, "CANCELLED"],
  ] as const) {
    const clock = new FakeClock();
    const transport = new FakeTransport(() => {
      clock.ms = late;
      throw new ConsentError("CANCELLED", "reset");
    });
    await assert.rejects(clientOver(transport, { clock }).check(ask), { name: "ConsentError", code });
  }
});

test("a server that stays down gets first attempts only, until it has answered for a while", async () => {
  let down = true;
  const transport = new FakeTransport(() => {
    if (down) {
      throw unavailable();
    }
    return allow;
  });
  const client = clientOver(transport);
  const attempts = async () => {
    const before = transport.attempts.length;
    await client.isAllowed(ask);
    return transport.attempts.length - before;
  };
  for (let i = 0; i < 20; i++) await attempts();
  assert.equal(await attempts(), 1);
  down = false;
  for (let i = 0; i < 1_000; i++) await attempts();
  down = true;
  assert.equal(await attempts(), 4);
});

test("the system's clock sleeps until its time or the signal", async () => {
  const controller = new AbortController();
  assert.equal(await systemClock.sleep(1, controller.signal), true);
  const asleep = systemClock.sleep(60_000, controller.signal);
  controller.abort();
  assert.equal(await asleep, false);
  assert.equal(await systemClock.sleep(60_000, controller.signal), false);
});
