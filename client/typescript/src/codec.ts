import {
  create,
  fromBinary,
  toBinary,
  ScalarType,
  toJson,
  type DescField,
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
    requireObject(init);
    inspect(init, { left: maxValues }, 0);
    const message = create(schema, init);
    requireTexts(schema, message);
    return toBinary(schema, message);
  });
}

/** @throws ConsentError INVALID_ARGUMENT */
export function requireObject(request: unknown): void {
  if (typeof request !== "object" || request === null) {
    throw new ConsentError("INVALID_ARGUMENT", "the request is no object");
  }
}

/**
 * Runs what reads a caller's values: their getters, and proxies, may throw anything. @throws ConsentError
 * INVALID_ARGUMENT
 */
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
 * Refuses what cannot be sent: half a surrogate pair, because in UTF-8 all of them become the same character, so that
 * two ids would be those of one person; and a value that contains itself, or as good as endlessly many.
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

/**
 * Refuses what is not a text where one belongs: the library writes "[object Object]", which would be one person's id
 * for all.
 */
function requireTexts(schema: DescMessage, message: Message): void {
  for (const field of schema.fields) {
    const value = valueOf(field, message);
    if (field.fieldKind === "list" && typeof value === "string") {
      throw new ConsentError("INVALID_ARGUMENT", `${field.name} is no list`);
    }
    const values = field.fieldKind === "list" && Array.isArray(value) ? value : value === undefined ? [] : [value];
    for (const v of values as unknown[]) {
      if (field.message !== undefined && isMessage(v)) {
        requireTexts(field.message, v);
      } else if (field.message?.typeName === "google.protobuf.Struct") {
        requireJson(v);
      } else if (field.scalar === ScalarType.STRING && field.fieldKind !== "map" && typeof v !== "string") {
        throw new ConsentError("INVALID_ARGUMENT", `${field.name} is no text`);
      }
    }
  }
}

/** Refuses what JSON does not have: the library writes null for it, and a policy would read that. */
function requireJson(value: unknown): void {
  switch (typeof value) {
    case "bigint":
    case "function":
    case "symbol":
      throw new ConsentError("INVALID_ARGUMENT", `the request's context has a ${typeof value}, which JSON does not have`);
    case "number":
      if (!Number.isFinite(value)) {
        throw new ConsentError("INVALID_ARGUMENT", `the request's context has ${value}, which JSON does not have`);
      }
      return;
    case "object":
      if (value !== null && !Array.isArray(value) && ![Object.prototype, null].includes(Object.getPrototypeOf(value) as object)) {
        throw new ConsentError(
          "INVALID_ARGUMENT",
          "the request's context has an object that is not plain, such as a Date or a Map",
        );
      }
      Object.values(value ?? {}).forEach(requireJson);
  }
}

/** What a message has of a field, within a oneof too. */
function valueOf(field: DescField, message: Message): unknown {
  const values = message as unknown as Record<string, unknown>;
  if (field.oneof === undefined) {
    return values[field.localName];
  }
  const chosen = values[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return chosen?.case === field.localName ? chosen.value : undefined;
}

/** A Struct is a plain object here, and no message. */
function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "$typeName" in value;
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
 * Has JSON.stringify print a message, and each that it holds, as protobuf's JSON: revisions are bigints, of which it
 * would throw, and enumerations are printed by their names.
 */
export function printable<M extends Message>(schema: DescMessage, message: M): M {
  Object.defineProperty(message, "toJSON", { value: () => toJson(schema, message) });
  for (const field of schema.fields) {
    const value = valueOf(field, message);
    const values =
      field.fieldKind === "list" ? (value as unknown[]) : field.fieldKind === "map" ? Object.values(value as object) : [value];
    for (const v of values) {
      if (field.message !== undefined && isMessage(v)) {
        printable(field.message, v);
      }
    }
  }
  return message;
}
