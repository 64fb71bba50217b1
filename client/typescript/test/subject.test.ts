import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspect } from "node:util";

import { AddressError, emailSha256, normalizeEmail, normalizePhone, SubjectKey } from "../src/index.js";

interface Vector {
  name: string;
  kind: string;
  key?: string;
  input: string;
  normal?: string;
  id?: string;
  refused?: string;
}

interface Vectors {
  keys: Record<string, { secret: string; id: string }>;
  vectors: Vector[];
}

/** What the clients of all languages pass. */
const all = JSON.parse(readFileSync(new URL("../../../conformance/testdata/ids.json", import.meta.url), "utf8")) as Vectors;

const keyOf = (name = "") => SubjectKey.parse(all.keys[name]?.secret ?? "");

/** The normalised text and the id, or the error. */
function outcome(v: Vector): Pick<Vector, "normal" | "id" | "refused"> {
  try {
    switch (v.kind) {
      case "email_sha256":
        return { normal: normalizeEmail(v.input), id: emailSha256(v.input) };
      case "email_hmac":
        return { normal: normalizeEmail(v.input), id: keyOf(v.key).email(v.input) };
      case "phone_e164_hmac":
        return { normal: normalizePhone(v.input), id: keyOf(v.key).phone(v.input) };
    }
  } catch (error) {
    assert.ok(error instanceof AddressError, String(error));
    return { refused: error.message };
  }
  throw new Error(`unknown kind ${v.kind}`);
}

test("there are vectors", () => assert.ok(all.vectors.length >= 60));

for (const v of all.vectors) {
  const want = v.refused === undefined ? { normal: v.normal, id: v.id } : { refused: v.refused };
  test(`vector: ${v.name}`, () => assert.deepEqual(outcome(v), want));
}

test("the id of a key follows from its secret", () => {
  for (const key of Object.values(all.keys)) {
    assert.equal(SubjectKey.parse(key.secret).id, key.id);
  }
});

test("half a surrogate pair is refused", () => {
  for (const normalize of [normalizeEmail, normalizePhone]) {
    assert.throws(() => normalize("ad\ud800a@example.com"), { name: "AddressError", message: /is not valid Unicode/ });
  }
});

const secret = "0a".repeat(32);
for (const text of [secret, secret.toUpperCase(), `\n ${secret}\r\n`, "0a".repeat(1024)]) {
  test(`a key of ${text.length} characters`, () => assert.equal(SubjectKey.parse(text).id.length, 8));
}

const noHex = "the key is not hexadecimal: openssl rand -hex 32 makes one";
for (const [text, message] of [
  ["0a".repeat(31), "the key has 31 bytes, want 32 to 1024: openssl rand -hex 32 makes one"],
  ["0a".repeat(1025), "the key has 1025 bytes, want 32 to 1024: openssl rand -hex 32 makes one"],
  ["", "the key has 0 bytes, want 32 to 1024: openssl rand -hex 32 makes one"],
  [`${secret}0`, noHex],
  [`${secret.slice(0, 32)} ${secret.slice(32)}`, noHex],
  [`${secret}\uff10\uff10`, noHex],
] as const) {
  test(`the key "${text.slice(0, 80)}" is refused`, () => {
    assert.throws(() => SubjectKey.parse(text), { name: "TypeError", message });
  });
}

test("a key is not printed", () => {
  const key = new SubjectKey(new Uint8Array(32).fill(0xab));
  const printed = `${key} ${inspect(key, { showHidden: true, depth: 9 })} ${JSON.stringify(key)}`;
  assert.doesNotMatch(printed, /abab|171|0xab/);
});

test("a key is a copy", () => {
  const bytes = new Uint8Array(32).fill(0xab);
  const key = new SubjectKey(bytes);
  const before = key.phone("+4930123456");
  bytes[0] = 0;
  assert.equal(key.phone("+4930123456"), before);
});
