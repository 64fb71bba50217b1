import type { MessageInitShape } from "@bufbuild/protobuf";

import type { CheckRequestSchema } from "./gen/consent/v1/decision_service_pb.js";

/** A check as callers give it. */
export type CheckInit = MessageInitShape<typeof CheckRequestSchema>;

/** Objects in a context that are deeper are not worth a key. */
const maxDepth = 32;

/**
 * The key of a decision: all of its request but consistency, which the lookup judges by itself. Two requests have the
 * same key only if they ask the same; the order of properties does not count. Undefined for what is not kept: what has
 * fields that this version does not know, or anything that is no plain JSON.
 */
export function keyOf(request: CheckInit): string | undefined {
  try {
    return requestKey(request);
  } catch {
    return undefined; // a getter that throws, or Unkeyed: whoever encodes it says what is wrong
  }
}

class Unkeyed extends Error {}

/** Strings carry their length, so that no border between two can move. */
function requestKey(request: CheckInit): string {
  known(request);
  const { dataCategories, recipient, context } = request;
  let key = text(request.controller) + text(request.subjectId) + text(request.purpose);
  const categories: unknown = dataCategories ?? [];
  if (!Array.isArray(categories)) {
    throw new Unkeyed(); // a Set, say, has no length, and would pass for none
  }
  if (categories.length > 0) {
    key += `c${categories.length};` + Array.from(categories, text).join("");
  }
  if (recipient !== undefined && recipient !== null) {
    known(recipient);
    key += `r${integer(recipient.kind)};` + text(recipient.id) + text(recipient.country);
  }
  return context === undefined || context === null ? key : `${key}x${value(context, 0)}`;
}

/** A field of a later version may change the answer. */
function known(message: object): void {
  if ("$unknown" in message && message.$unknown !== undefined && (message.$unknown as unknown[]).length > 0) {
    throw new Unkeyed();
  }
}

function text(s: unknown): string {
  if (s === undefined || s === null) {
    return "0:";
  }
  if (typeof s !== "string") {
    throw new Unkeyed();
  }
  return `${s.length}:${s}`;
}

function integer(n: unknown): number {
  if (n !== undefined && n !== null && !Number.isInteger(n)) {
    throw new Unkeyed();
  }
  return Number(n ?? 0);
}

function value(v: unknown, depth: number): string {
  switch (typeof v) {
    case "string":
      return `s${text(v)}`;
    case "boolean":
      return v ? "t" : "f";
    case "number":
      return number(v);
    case "object":
      return v === null ? "z" : object(v, depth + 1);
    default:
      throw new Unkeyed();
  }
}

function number(n: number): string {
  if (!Number.isFinite(n)) {
    throw new Unkeyed();
  }
  return `n${Object.is(n, -0) ? "-0" : n};`;
}

function object(o: object, depth: number): string {
  if (depth > maxDepth) {
    throw new Unkeyed(); // circular, perhaps
  }
  if (Array.isArray(o)) {
    return `a${o.length};` + Array.from(o, (item) => value(item, depth)).join("");
  }
  const prototype: unknown = Object.getPrototypeOf(o);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new Unkeyed();
  }
  const fields = Object.entries(o).sort(([a], [b]) => (a < b ? -1 : 1));
  return `o${fields.length};` + fields.map(([name, v]) => text(name) + value(v, depth)).join("");
}
