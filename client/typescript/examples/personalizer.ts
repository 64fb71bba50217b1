/**
 * Renders a shop's home page for each visitor, fitted to them only as far as they consented.
 *
 *     node build/examples/personalizer.js --server 127.0.0.1:7070 < visits
 *
 * A line of input is "visit PERSON", or "withdraw PERSON" for who clicks "stop fitting pages to me".
 */
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";

import { Client, ConsentStatus, newEvent, outcomeText, type Checker } from "../src/index.js"; // elsewhere: from "@consentd/client"

const controller = "example";

/** What the shop knows about people: where they browsed, and what their purchases may reveal about their health. */
const profiles = new Map([
  ["ada", { browsed: "bicycles", health: "asthma" }],
  ["ben", { browsed: "cameras", health: "none" }],
  ["cleo", { browsed: "novels", health: "migraine" }],
]);

/** One question to the server per page: each use of the data is a purpose of its own. */
async function homePage(checks: Checker, person: string): Promise<string> {
  const use = (purpose: string, category: string) => ({ controller, subjectId: person, purpose, dataCategories: [category] });
  const [browsing, health] = await checks.batchCheck({
    requests: [
      use("content_personalization", "user.behavior.browsing_history"),
      use("special_category_personalization", "user.sensitive.health"),
    ],
  });
  const profile = profiles.get(person);
  const blocks = ["best sellers"];
  if (profile !== undefined && browsing?.decision.allowed === true) {
    blocks.push(`more ${profile.browsed}`);
  }
  if (profile !== undefined && health?.decision.allowed === true) {
    blocks.push(`help with ${profile.health}`);
  }
  return `${person}: ${blocks.join(", ")}`;
}

async function withdraw(checks: Checker, person: string): Promise<string> {
  const events = ["content_personalization", "special_category_personalization"].map((purpose) =>
    newEvent("privacy_settings", { case: "consent", value: { purpose, status: ConsentStatus.WITHDRAWN } }),
  );
  const { outcomes } = await checks.recordEvents({ controller, subjectId: person, events });
  const odd = outcomes.map(outcomeText).filter((text) => text !== "COUNTED"); // what a newer choice outranks, for example
  return [`${person}: withdrawn`, ...odd].join("; ");
}

/** A page must come up even when consentd does not: then it is everybody's page. */
async function answer(checks: Checker, line: string): Promise<string> {
  const [action, person = ""] = line.trim().split(/\s+/);
  switch (action) {
    case "visit":
      return homePage(checks, person).catch(() => `${person}: best sellers`);
    case "withdraw":
      return withdraw(checks, person);
    default:
      throw new Error(`"${line}": want "visit PERSON" or "withdraw PERSON"`);
  }
}

const { values } = parseArgs({ options: { server: { type: "string", default: "127.0.0.1:7070" } } });
const client = new Client(values.server, { timeoutMs: 5_000 }); // a page of a real shop would wait for less
const session = client.session(); // who withdraws sees it on the next page, whichever node answers
try {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(await answer(session, line));
  }
} finally {
  client.close();
}
