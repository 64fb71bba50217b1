import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../src/index.js";
import { parseTarget } from "../src/target.js";

for (const target of [
  "127.0.0.1:1",
  "127.9.9.9:1",
  "localhost:1",
  "[::1]:1",
  "[0:0:0:0:0:0:0:1]:1",
  "[::ffff:127.0.0.1]:1",
  "dns:///localhost:1",
  "dns://8.8.8.8/127.0.0.1:1",
  "unix:///tmp/s",
  "unix:s",
]) {
  test(`${target} is on this machine`, () => assert.equal(parseTarget(target).local, true));
}

for (const target of [
  "192.0.2.1:1",
  "[2001:db8::1]:1",
  "consentd.example:1",
  "127.0.0.1.example:1",
  "localhost.example:1",
  "dns:///consentd.example:1",
  "[::ffff:192.0.2.1]:1",
  "127.0.0.999:1",
  "passthrough:///127.0.0.1:1",
]) {
  test(`${target} is elsewhere`, () => assert.equal(parseTarget(target).local, false));
}

for (const target of [
  "",
  "127.0.0.1",
  "127.0.0.1:",
  ":7070",
  "::1",
  "[::1]",
  "[127.0.0.1]:1",
  "[nonsense]:1",
  "localhost:65536",
  "localhost:x",
  "dns:///localhost",
  "dns:///",
  "unix://relative/path",
  "unix:",
  "user@localhost/:1",
]) {
  test(`"${target}" is refused`, () => assert.throws(() => new Client(target), { name: "TypeError", message: /want host:port/ }));
}

test("options that contradict each other are refused", () => {
  assert.throws(() => new Client("localhost:1", { tls: true, insecure: true }), TypeError);
  assert.throws(() => new Client("localhost:1", { tls: { ca: "no PEM", certificate: "no PEM", key: "no PEM" } }), TypeError);
});
