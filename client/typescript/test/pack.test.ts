import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url)); // from build/test
const tsc7 = join(root, "node_modules", "typescript", "bin", "tsc");
const esbuild = join(root, "node_modules", ".bin", "esbuild");

/** With what takes long to install or to run: jest, vitest, webpack, and the TypeScript of before. */
const all = process.env["CONSENTD_INSTALL_TESTS"] === "all";

const imports = 'import { Client, ConsentError, ConsentStatus, newEvent, type Decision } from "@consentd/client";\n';
const telemetry = 'import { telemetry } from "@consentd/client/opentelemetry";\n';
const body = `
const client = new Client("127.0.0.1:1", { timeoutMs: 50 });
const request = { controller: "example", subjectId: "user-42", purpose: "marketing_email" };
const event = newEvent("support", { case: "consent", value: { purpose: request.purpose, status: ConsentStatus.WITHDRAWN } });
async function main() {
  const answer: Decision | string = await client.check(request).catch((e: unknown) => (e instanceof ConsentError ? e.code : String(e)));
  console.log(String(answer), await client.isAllowed(request), event.source);
  client.close();
}
void main();
`;
const program = imports + body;
const plain = body.replaceAll(/: Decision \| string|: unknown/g, "");
const printed = /^(UNAVAILABLE|DEADLINE_EXCEEDED) false support\n$/;

/** Its own folder, so that nothing of this one can be found from there. */
const home = mkdtempSync(join(tmpdir(), "consentd-"));
let tarball = "";

function run(command: string, args: string[], cwd: string): string {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(" ")}:\n${stdout}${stderr}`);
  }
}

const installing = ["install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];

/** An empty project, with the client and other packages installed, and these files. */
function project(name: string, type: "module" | "commonjs", files: Record<string, string>, packages: string[] = []): string {
  const folder = join(home, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type }));
  run("npm", [...installing, tarball, ...packages], folder);
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

const strict = ["--strict", "--target", "es2022", "--types", "node", "--typeRoots", join(root, "node_modules", "@types")];

/** A project of ES modules, and of CommonJS in the files that say so. */
let both = "";

before(() => {
  const [packed] = JSON.parse(run("npm", ["pack", "--silent", "--json", "--pack-destination", home], root)) as [
    { filename: string; files: { path: string }[] },
  ];
  assert.deepEqual(
    packed.files
      .map((f) => f.path)
      .filter((p) => !/^(dist\/.*\.(js|d\.ts)|dist\/cjs\/package\.json|package\.json|README\.md)$/.test(p)),
    [],
  );
  tarball = join(home, packed.filename);
  const files = { "main.ts": program, "main.cts": program, "telemetry.ts": telemetry + "telemetry({});" };
  both = project("both", "module", files);
  symlinkSync(join(root, "node_modules", "@opentelemetry"), join(both, "node_modules", "@opentelemetry")); // the program's own
  run("node", [tsc7, ...strict, "--module", "nodenext", ...Object.keys(files)], both);
});

after(() => rmSync(home, { recursive: true }));

test("a project of ES modules compiles and runs", () => {
  assert.match(run("node", ["main.js"], both), printed);
  run("node", ["telemetry.js"], both);
});

test("a project of CommonJS compiles and runs", () => {
  assert.match(run("node", ["main.cjs"], both), printed);
  assert.match(readFileSync(join(both, "main.cjs"), "utf8"), /require\("@consentd\/client"\)/);
});

test("the types are found as bundlers look for modules", () => {
  run("node", [tsc7, ...strict, "--noEmit", "--module", "preserve", "main.ts", "telemetry.ts"], both);
});

test("an error of the one module system is an error of the other", () => {
  const program = `
    const required = require("@consentd/client");
    import("@consentd/client").then((imported) => {
      const of = (e, m) => [e instanceof m.ConsentError, e instanceof m.StoreMismatchError, e instanceof m.DeniedError].join();
      console.log(of(new required.ConsentError("INTERNAL", ""), imported), of(new imported.StoreMismatchError(""), required));
      console.log(of(new Error(""), imported), of(undefined, required));
    });`;
  assert.equal(
    run("node", ["--input-type=commonjs", "-e", program], both),
    "true,false,false true,true,false\nfalse,false,false false,false,false\n",
  );
});

test("esbuild bundles it as either", () => {
  run(esbuild, ["main.ts", "--bundle", "--platform=node", "--format=cjs", "--outfile=out.cjs", "--log-level=error"], both);
  assert.match(run("node", ["out.cjs"], both), printed);
  run(
    esbuild,
    ["main.ts", "--bundle", "--platform=node", "--format=esm", "--packages=external", "--outfile=out.mjs", "--log-level=error"],
    both,
  );
  assert.match(run("node", ["out.mjs"], both), printed);
});

const testOfTheirs = (given: string) => `${given}
test("is refused", async () => {
  const client = new Client("127.0.0.1:1", { timeoutMs: 50 });
  const error = await client.check({ controller: "example", subjectId: "u", purpose: "p" }).catch((e) => e);
  expect(error).toBeInstanceOf(ConsentError);
  expect(["UNAVAILABLE", "DEADLINE_EXCEEDED"]).toContain(error.code);
  client.close();
});
`;
const required = 'const { Client, ConsentError } = require("@consentd/client");';
const imported = 'import { Client, ConsentError } from "@consentd/client";';
const quick = { skip: all ? false : "set CONSENTD_INSTALL_TESTS=all" };

test("TypeScript 5 finds the types in each of its ways", quick, () => {
  const folder = project("typescript5", "module", { "main.ts": program, "telemetry.ts": telemetry + "telemetry({});" }, [
    "typescript@5.9.3",
    "@opentelemetry/api@1",
  ]);
  const ways = [
    ["--module", "commonjs", "--moduleResolution", "node10"],
    ["--module", "node16"],
    ["--module", "esnext", "--moduleResolution", "bundler"],
  ];
  for (const way of ways) {
    run(
      "node",
      ["node_modules/typescript/bin/tsc", ...strict, "--skipLibCheck", "--noEmit", ...way, "main.ts", "telemetry.ts"],
      folder,
    );
  }
});

test("jest runs it as CommonJS and as an ES module", quick, () => {
  const files = {
    "cjs.test.cjs": testOfTheirs(required),
    "esm.test.mjs": testOfTheirs(imported),
    "jest.config.json": '{"testMatch": ["**/*.test.*"]}',
  };
  const folder = project("jest", "commonjs", files, ["jest@30.5.2"]);
  run("node", ["--experimental-vm-modules", "node_modules/jest/bin/jest.js", "--ci", "--config", "jest.config.json"], folder);
});

test("vitest runs it", quick, () => {
  const given = 'import { expect, test } from "vitest";\n' + imported;
  const folder = project("vitest", "module", { "esm.test.js": testOfTheirs(given) }, ["vitest@5.1.2"]);
  run("node", ["node_modules/vitest/vitest.mjs", "run"], folder);
});

test("webpack bundles it", quick, () => {
  const config =
    'module.exports = { mode: "development", target: "node", entry: "./main.js", output: { path: __dirname, filename: "out.cjs" } };';
  const files = { "main.js": imports.replace(", type Decision", "") + plain, "webpack.config.cjs": config };
  const folder = project("webpack", "module", files, ["webpack@5.113.0", "webpack-cli@6"]);
  run("node", ["node_modules/webpack/bin/webpack.js"], folder);
  assert.match(run("node", ["out.cjs"], folder), printed);
});
