import {
  create,
  fromBinary,
  toBinary,
  toJson,
  type DescMessage,
  type DescMethod,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";

import { ConsentError } from "./errors.js";

/** How deep values may be nested, and how many there may be. The server takes no context that comes near either. */
const maxDepth = 100;
const maxValues = 1_000_000;

/** The name by which gRPC calls a method: "/consent.v1.DecisionService/Check". */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** @throws ConsentError INVALID_ARGUMENT if init does not fit the message, whatever is the matter with it. */
export function encode<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array {
  return reading(() => {
    if (typeof init !== "object" || init === null) {
      throw new ConsentError("INVALID_ARGUMENT", "the request is no object");
    }
    inspect(init, { left: maxValues }, 0);
    return toBinary(schema, create(schema, init));
  });
}

/** Runs what reads a caller's values: their getters, and proxies, may throw anything. @throws ConsentError INVALID_ARGUMENT */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw cause instanceof ConsentError
      ? cause
      : new ConsentError("INVALID_ARGUMENT", `the request cannot be encoded: ${textOf(cause)}`, { cause });
  }
}

/** A thrown value for people; it may be one that cannot be made a string. */
function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "of a reason that cannot be shown";
  }
}

/** Of ES2024; Node.js has had it since version 20. */
type WellFormed = string & { isWellFormed(): boolean };

/**
 * Refuses what cannot be sent: half a surrogate pair, because in UTF-8 all of them become the same character, so that two
 * ids would be those of one person; and a value that contains itself, or as good as endlessly many.
 */
function inspect(value: unknown, room: { left: number }, depth: number): void {
  if (typeof value === "string") {
    if (!(value as WellFormed).isWellFormed()) {
      throw new ConsentError("INVALID_ARGUMENT", "the request has a string with half a surrogate pair");
    }
    return;
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    return;
  }
  if (depth > maxDepth) {
    throw new ConsentError("INVALID_ARGUMENT", `the request is nested deeper than ${maxDepth} levels, or contains itself`);
  }
  for (const key of Object.keys(value)) {
    if (--room.left < 0) {
      throw new ConsentError("INVALID_ARGUMENT", `the request has more than ${maxValues} values`);
    }
    inspect(key, room, depth);
    inspect((value as Record<string, unknown>)[key], room, depth + 1);
  }
}

/** @throws ConsentError INTERNAL if the bytes are not the message. */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new ConsentError("INTERNAL", "the server's answer cannot be read", { cause });
  }
}

/**
 * Has JSON.stringify print a message, and each that it holds, as protobuf's JSON: revisions are bigints, of which it would
 * throw, and enumerations are printed by their names.
 */
export function printable<M extends Message>(schema: DescMessage, message: M): M {
  Object.defineProperty(message, "toJSON", { value: () => toJson(schema, message) });
  for (const field of schema.fields) {
    const value: unknown = (message as unknown as Record<string, unknown>)[field.localName];
    if (field.fieldKind === "message") {
      printableIfMessage(field.message, value);
    } else if (field.fieldKind === "list" && field.listKind === "message") {
      (value as unknown[]).forEach((v) => printableIfMessage(field.message, v));
    } else if (field.fieldKind === "map" && field.mapKind === "message") {
      Object.values(value as object).forEach((v) => printableIfMessage(field.message, v));
    }
  }
  for (const { localName } of schema.oneofs) {
    const chosen = (message as unknown as Record<string, { case?: string; value?: unknown }>)[localName];
    const field = schema.fields.find((f) => f.oneof?.localName === localName && f.localName === chosen?.case);
    if (field?.message !== undefined) {
      printableIfMessage(field.message, chosen?.value);
    }
  }
  return message;
}

/** A Struct is a plain object here, and prints well as it is. */
function printableIfMessage(schema: DescMessage, value: unknown): void {
  if (typeof value === "object" && value !== null && "$typeName" in value) {
    printable(schema, value as Message);
  }
}
