import type { MessageInitShape } from "@bufbuild/protobuf";

import type { BatchResult, CallOptions, CheckInit, Guarded } from "./checker.js";
import { reading } from "./codec.js";
import type { Decision } from "./decision.js";
import { DeniedError } from "./errors.js";
import type { BatchCheckRequestSchema } from "./gen/consent/v1/decision_service_pb.js";

/** What `isAllowed` makes of a check. */
export async function isAllowed(check: Promise<Decision>): Promise<boolean> {
  try {
    return (await check).allowed;
  } catch {
    return false;
  }
}

/** What `guard` makes of a check. */
export async function guard<T>(check: Promise<Decision>, run: Guarded<T>): Promise<T> {
  const decision = await check;
  if (!decision.allowed) {
    throw new DeniedError(decision);
  }
  return run(decision.obligations, decision);
}

/** The arguments of `filter`, in either form. */
export type FilterArguments<R> =
  | [requests: readonly R[], options?: CallOptions | undefined]
  | [subjectIds: readonly string[], use: Omit<CheckInit, "subjectId">, options?: CallOptions | undefined];

type BatchCheck = (request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions) => Promise<BatchResult[]>;

/** What `filter` makes of a batch. */
export async function filter<R extends CheckInit>(batchCheck: BatchCheck, args: FilterArguments<R>): Promise<(R | string)[]> {
  const { asked, requests, consistency, options } = reading(() => question(args));
  if (requests.length === 0) {
    return [];
  }
  const results = await batchCheck({ requests, consistency }, options);
  return asked.filter((_, i) => results[i]?.decision.allowed === true);
}

/** A batch has one consistency for all its requests; those of a filter are the caller's for single checks. */
function question<R extends CheckInit>(args: FilterArguments<R>) {
  const [asked, second, third] = args;
  if (!isIds(asked)) {
    const own = [...asked]; // the caller may change its array meanwhile
    return { asked: own, requests: own, consistency: undefined, options: second as CallOptions | undefined };
  }
  const { consistency, ...use } = second as CheckInit;
  const own = [...asked];
  return { asked: own, requests: own.map((subjectId) => ({ ...use, subjectId })), consistency, options: third };
}

function isIds(asked: readonly unknown[]): asked is readonly string[] {
  return typeof asked[0] === "string";
}
