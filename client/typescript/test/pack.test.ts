import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url)); // from build/test

const program = `
import { Client, ConsentError, newEvent, ConsentStatus, type Decision } from "@consentd/client";

const client = new Client("127.0.0.1:1", { timeoutMs: 50 });
const request = { controller: "example", subjectId: "user-42", purpose: "marketing_email" };
const event = newEvent("support", { case: "consent", value: { purpose: request.purpose, status: ConsentStatus.WITHDRAWN } });
const answer: Decision | string = await client.check(request).catch((e: unknown) => (e instanceof ConsentError ? e.code : String(e)));
console.log(String(answer), await client.isAllowed(request), event.source);
client.close();
`;

/** Its own folder, so that nothing of this one can be found from there. */
test("the package installs into an empty project, which compiles and runs", (t) => {
  const project = mkdtempSync(join(tmpdir(), "consentd-"));
  t.after(() => rmSync(project, { recursive: true }));
  const run = (command: string, args: string[], cwd = project) =>
    execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const [packed] = JSON.parse(run("npm", ["pack", "--silent", "--json", "--pack-destination", project], root)) as [
    { filename: string; files: { path: string }[] },
  ];
  assert.deepEqual(
    packed.files.map((f) => f.path).filter((p) => !/^(dist\/.*\.(js|d\.ts)|package\.json|README\.md)$/.test(p)),
    [],
  );
  writeFileSync(join(project, "package.json"), '{"private": true, "type": "module"}');
  writeFileSync(join(project, "main.ts"), program);
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", `./${packed.filename}`]);
  run(join(root, "node_modules", ".bin", "tsc"), ["--strict", "--module", "nodenext", "--target", "es2022", "--types", "node", "main.ts"]);
  assert.match(run("node", ["main.js"]), /^(UNAVAILABLE|DEADLINE_EXCEEDED) false support\n$/);
});
