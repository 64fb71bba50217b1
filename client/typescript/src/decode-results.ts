import { fromBinary } from "@bufbuild/protobuf";

import {
  CheckStreamResponseSchema,
  StreamedResultSchema,
  type CheckResponse,
  type StreamedResult,
} from "./gen/consent/v1/decision_service_pb.js";
import { ObligationSchema, type Obligation, type Reason } from "./gen/consent/v1/types_pb.js";

// A plain result, which nearly every one is, is decoded here: an id and a response, each field at most once where it is single,
// none that this client does not know. By hand that takes a third of the library's time, which counts where ten thousand come at
// once. Whatever is not plain is left to the library. A test holds that both read the same.

/** What a message of a CheckStream says. */
export interface Results {
  readonly results: readonly Pick<StreamedResult, "outcome" | "id">[];
  readonly draining: boolean;
}

/** @throws Error if the bytes are not a CheckStreamResponse. */
export function decodeResults(message: Uint8Array): Results {
  return orElse(
    () => plainResults(message),
    () => fromBinary(CheckStreamResponseSchema, message),
  );
}

function plainResults(message: Uint8Array): Results {
  const c = new Cursor(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
  const results: Results["results"][number][] = [];
  let draining = false;
  while (c.more()) {
    c.next();
    if (c.field === 1 && c.lengthDelimited) {
      results.push(
        orElse(
          () => plainResult(c.within()),
          () => fromBinary(StreamedResultSchema, c.content()),
        ),
      );
    } else if (c.field === 2) {
      draining = c.number() !== 0;
    } else {
      throw notPlain;
    }
  }
  return { results, draining };
}

/** What ends the decoding by hand; never seen outside. */
class NotPlain extends Error {}

const notPlain = new NotPlain("not plain");

/** Reads an encoded message, field by field. */
class Cursor {
  /** Those of the field read last: its number, and a varint's value; or where its content is. */
  field = 0;
  value = 0;
  lengthDelimited = false;
  private start = 0;

  constructor(
    private readonly bytes: Buffer,
    private at = 0,
    private end = bytes.length,
  ) {}

  more(): boolean {
    return this.at < this.end;
  }

  /** @throws NotPlain for a field of another kind than a varint or a content, or that no message here has; and for what is malformed. */
  next(): void {
    const tag = this.varint();
    this.field = tag >>> 3;
    this.lengthDelimited = (tag & 7) === 2;
    if (this.field === 0 || this.field > 15 || ((tag & 7) !== 0 && !this.lengthDelimited)) {
      throw notPlain;
    }
    this.value = this.varint();
    if (this.lengthDelimited) {
      this.start = this.at;
      this.at += this.value;
      if (this.at > this.end) {
        throw notPlain;
      }
    }
  }

  /** Reads a field that must be this one. */
  expect(field: number, lengthDelimited: boolean): this {
    this.next();
    if (this.field !== field || this.lengthDelimited !== lengthDelimited) {
      throw notPlain;
    }
    return this;
  }

  /** A cursor on the field's content. */
  within(): Cursor {
    if (!this.lengthDelimited) {
      throw notPlain;
    }
    return new Cursor(this.bytes, this.start, this.at);
  }

  content(): Uint8Array {
    return this.bytes.subarray(this.start, this.at);
  }

  /** @throws NotPlain for what is no UTF-8, or has the character that stands for it. */
  text(): string {
    if (!this.lengthDelimited) {
      throw notPlain;
    }
    const text = this.bytes.toString("utf8", this.start, this.at);
    if (text.includes("\ufffd")) {
      throw notPlain;
    }
    return text;
  }

  /** @throws NotPlain for what is no small number. */
  number(): number {
    if (this.lengthDelimited || this.value > 0x7fffffff) {
      throw notPlain;
    }
    return this.value;
  }

  /** @throws NotPlain above 2^49, where doubles do not do. */
  private varint(): number {
    let value = 0;
    for (let scale = 1; this.at < this.end && scale <= 2 ** 42; scale *= 0x80) {
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value;
      }
    }
    throw notPlain;
  }
}

/** Reads by hand, and by the library what is not plain. */
function orElse<T>(byHand: () => T, byLibrary: () => T): T {
  try {
    return byHand();
  } catch (error) {
    if (error === notPlain) {
      return byLibrary();
    }
    throw error;
  }
}

function plainResult(c: Cursor): Results["results"][number] {
  const id = BigInt(c.expect(1, false).value);
  const response = c.expect(2, true).within();
  if (c.more()) {
    throw notPlain;
  }
  return { id, outcome: { case: "response", value: plainResponse(response) } };
}

function plainResponse(c: Cursor): CheckResponse {
  const r: CheckResponse = {
    $typeName: "consent.v1.CheckResponse",
    decision: 0,
    reasons: [],
    legalBasis: 0,
    obligations: [],
    permittedDataCategories: [],
    consistencyToken: "",
    policyRevision: "",
    decisionId: "",
  };
  while (c.more()) {
    c.next();
    switch (c.field) {
      case 1:
        r.decision = c.number();
        break;
      case 2:
        r.reasons.push(plainReason(c));
        break;
      case 3:
        r.legalBasis = c.number();
        break;
      case 4:
        r.obligations.push(plainObligation(c));
        break;
      case 5:
        r.permittedDataCategories.push(c.text());
        break;
      case 7:
        r.consistencyToken = c.text();
        break;
      case 8:
        r.policyRevision = c.text();
        break;
      case 9:
        r.decisionId = c.text();
        break;
      default:
        throw notPlain; // valid_until too: few have it
    }
  }
  return r;
}

function plainReason(outer: Cursor): Reason {
  const c = outer.within();
  const reason: Reason = { $typeName: "consent.v1.Reason", code: 0, clause: "", message: "" };
  while (c.more()) {
    c.next();
    switch (c.field) {
      case 1:
        reason.code = c.number();
        break;
      case 2:
        reason.clause = c.text();
        break;
      case 3:
        reason.message = c.text();
        break;
      default:
        throw notPlain;
    }
  }
  return reason;
}

/** Parameters are left to the library. */
function plainObligation(outer: Cursor): Obligation {
  const c = outer.within();
  const obligation: Obligation = { $typeName: "consent.v1.Obligation", code: 0 };
  while (c.more()) {
    c.next();
    if (c.field !== 1) {
      return fromBinary(ObligationSchema, outer.content());
    }
    obligation.code = c.number();
  }
  return obligation;
}
