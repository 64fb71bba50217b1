/**
 * The conformance suite's runner: reads operations as JSON lines from stdin, makes the calls with the client as its users
 * would, and writes what came of them to stdout. It never dies of a failed call. The protocol: client/conformance.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { create, fromJson, toJson, type DescMessage, type JsonValue, type MessageShape } from "@bufbuild/protobuf";

import {
  BatchCheckRequestSchema,
  CheckRequestSchema,
  Client,
  ConsentError,
  DeniedError,
  StoreMismatchError,
  Decision,
  enumName,
  EventSchema,
  ExplainRequestSchema,
  ExplainResponseSchema,
  GetPolicyRequestSchema,
  GetPolicyResponseSchema,
  GetSubjectRequestSchema,
  GetSubjectResponseSchema,
  LedgerEntrySchema,
  LegalBasisSchema,
  LinkSubjectsRequestSchema,
  LinkSubjectsResponseSchema,
  ListControllersRequestSchema,
  ListControllersResponseSchema,
  ListEventsRequestSchema,
  ListPurposesRequestSchema,
  newEvent,
  outcomeText,
  ObligationCodeSchema,
  ReasonCodeSchema,
  RecordEventsRequestSchema,
  RecordEventsResponseSchema,
  UnlinkSubjectsRequestSchema,
  UnlinkSubjectsResponseSchema,
  type CallOptions,
  type Checker,
  type CheckRequest,
  type ClientOptions,
  type EventOutcome,
} from "../src/index.js";

interface Operation {
  id: number;
  op: string;
  client?: string;
  session?: string;
  deadline_ms?: number;
  request?: JsonValue;
  target?: string;
  timeout_ms?: number;
  insecure?: boolean;
  tls?: boolean;
  ca_file?: string;
  source?: string;
  near_cache?: boolean;
  coalesce?: boolean;
  metadata?: Record<string, string>;
  endless?: boolean;
  subjects?: number;
  prefix?: string;
  at_once?: number;
  how?: string;
}

type Outcome = Record<string, unknown>;

const clients = new Map<string, Client>();
const sessions = new Map<string, Checker>();

function clientOf(o: Operation): Client {
  const client = clients.get(o.client ?? "");
  if (client === undefined) {
    throw new Error(`no client ${o.client}`);
  }
  return client;
}

function checkerOf(o: Operation): Checker {
  if (o.session === undefined) {
    return clientOf(o);
  }
  const name = JSON.stringify([o.client, o.session]);
  const session = sessions.get(name) ?? clientOf(o).session();
  sessions.set(name, session);
  return session;
}

function requestOf<D extends DescMessage>(schema: D, o: Operation): MessageShape<D> {
  return fromJson(schema, o.request ?? {});
}

function callOptions(o: Operation): CallOptions {
  if (o.endless === true) return { timeoutMs: Infinity };
  return o.deadline_ms === undefined ? {} : { timeoutMs: o.deadline_ms };
}

const operations: Record<string, (o: Operation) => Outcome | Promise<Outcome>> = {
  open,
  close: (o) => {
    clientOf(o).close();
    return {};
  },
  check: async (o) => ({ decision: decisionJson(await checkerOf(o).check(requestOf(CheckRequestSchema, o), callOptions(o))) }),
  is_allowed: async (o) => ({ allowed: await checkerOf(o).isAllowed(requestOf(CheckRequestSchema, o), callOptions(o)) }),
  batch_check: async (o) => {
    const results = await checkerOf(o).batchCheck(requestOf(BatchCheckRequestSchema, o), callOptions(o));
    return {
      results: results.map((r) => (r.error === undefined ? { decision: decisionJson(r.decision) } : { error: errorJson(r.error) })),
    };
  },
  list_purposes: async (o) => {
    const purposes = await checkerOf(o).listPurposes(requestOf(ListPurposesRequestSchema, o), callOptions(o));
    return { purposes: purposes.map((p) => ({ purpose: p.purpose, decision: decisionJson(p.decision) })) };
  },
  record_events: async (o) => {
    const response = await checkerOf(o).recordEvents(requestOf(RecordEventsRequestSchema, o), callOptions(o));
    return writtenJson(RecordEventsResponseSchema, response, response.outcomes);
  },
  link_subjects: async (o) => {
    const response = await checkerOf(o).linkSubjects(requestOf(LinkSubjectsRequestSchema, o), callOptions(o));
    return writtenJson(LinkSubjectsResponseSchema, response, [response.outcome]);
  },
  unlink_subjects: async (o) => {
    const response = await checkerOf(o).unlinkSubjects(requestOf(UnlinkSubjectsRequestSchema, o), callOptions(o));
    return writtenJson(UnlinkSubjectsResponseSchema, response, [response.outcome]);
  },
  get_subject: async (o) =>
    responseJson(GetSubjectResponseSchema, await clientOf(o).getSubject(requestOf(GetSubjectRequestSchema, o), callOptions(o))),
  list_events: listEvents,
  get_policy: async (o) =>
    responseJson(GetPolicyResponseSchema, await clientOf(o).getPolicy(requestOf(GetPolicyRequestSchema, o), callOptions(o))),
  list_controllers: async (o) =>
    responseJson(
      ListControllersResponseSchema,
      await clientOf(o).listControllers(requestOf(ListControllersRequestSchema, o), callOptions(o)),
    ),
  new_event: (o) => responseJson(EventSchema, create(EventSchema, newEvent(o.source ?? ""))),
  burst,
  guard,
  explain: async (o) => responseJson(ExplainResponseSchema, await checkerOf(o).explain(requestOf(ExplainRequestSchema, o), callOptions(o))),
  near_stats: (o) => {
    const { hits, misses } = clientOf(o).nearCacheStats();
    return { near: { hits, misses } };
  },
};

function open(o: Operation): Outcome {
  const options: ClientOptions = {};
  if (o.near_cache !== undefined) options.nearCache = o.near_cache;
  if (o.coalesce !== undefined) options.coalesce = o.coalesce;
  if (o.metadata !== undefined) options.metadata = () => o.metadata ?? {};
  if (o.endless === true) options.timeoutMs = Infinity;
  if (o.timeout_ms !== undefined) options.timeoutMs = o.timeout_ms;
  if (o.insecure !== undefined) options.insecure = o.insecure;
  if (o.tls !== undefined) options.tls = o.tls;
  if (o.ca_file !== undefined) options.tls = { ca: readFileSync(o.ca_file) };
  try {
    clients.set(o.client ?? "", new Client(o.target ?? "", options));
    return {};
  } catch (error) {
    return { error: { code: "OPTIONS", message: String(error) } };
  }
}

/** Counts what comes of the checks of a burst. */
class Tally {
  private allowed = 0;
  private denied = 0;
  private readonly errors: Record<string, number> = {};
  private readonly began = performance.now();
  private readonly cpu = process.cpuUsage();

  add(allowed: boolean): void {
    if (allowed) this.allowed++;
    else this.denied++;
  }

  fail(error: unknown): void {
    const code = String(errorJson(error).code);
    this.errors[code] = (this.errors[code] ?? 0) + 1;
  }

  json(): Outcome {
    const cpu = process.cpuUsage(this.cpu);
    return {
      burst: {
        allowed: this.allowed,
        denied: this.denied,
        errors: this.errors,
        ms: performance.now() - this.began,
        cpu_us: cpu.user + cpu.system,
      },
    };
  }
}

async function burst(o: Operation): Promise<Outcome> {
  const client = clientOf(o);
  const model = requestOf(CheckRequestSchema, o);
  const requests = Array.from({ length: o.subjects ?? 0 }, (_, i) =>
    create(CheckRequestSchema, { ...model, subjectId: `${o.prefix ?? ""}${i}` }),
  );
  const calls: Record<string, (r: CheckRequest) => Promise<boolean>> = {
    check: async (r) => (await client.check(r)).allowed,
    is_allowed: (r) => client.isAllowed(r),
    session: async (r) => (await client.session().check(r)).allowed,
  };
  const call = calls[o.how ?? ""];
  const tally = new Tally();
  if (o.how === "filter") await filter(client, requests, tally);
  else if (call === undefined) await batches(client, requests, tally);
  else await atOnce(o.at_once ?? 0, requests, async (r) => call(r).then((allowed) => tally.add(allowed), (error) => tally.fail(error)));
  return tally.json();
}

/** Has check called for every request, that many under way; 0 stands for all. */
async function atOnce(n: number, requests: CheckRequest[], check: (r: CheckRequest) => Promise<void>): Promise<void> {
  const turn = requests.values();
  const caller = async () => {
    for (const request of turn) await check(request);
  };
  await Promise.all(Array.from({ length: n === 0 ? requests.length : n }, caller));
}

/** Asks in batches of the greatest size, one after the other. */
async function batches(client: Client, requests: CheckRequest[], tally: Tally): Promise<void> {
  for (let i = 0; i < requests.length; i += 1000) {
    const some = requests.slice(i, i + 1000);
    try {
      for (const r of await client.batchCheck({ requests: some })) {
        if (r.error === undefined) tally.add(r.decision.allowed);
        else tally.fail(r.error);
      }
    } catch (error) {
      some.forEach(() => tally.fail(error));
    }
  }
}

/** Asks for those who are allowed. */
async function filter(client: Client, requests: CheckRequest[], tally: Tally): Promise<void> {
  try {
    const allowed = (await client.filter(requests)).length;
    requests.forEach((_, i) => tally.add(i < allowed));
  } catch (error) {
    tally.fail(error);
  }
}

/** Tells whether the guarded function ran, and with which obligations. */
async function guard(o: Operation): Promise<Outcome> {
  try {
    const obligations = await checkerOf(o).guard(requestOf(CheckRequestSchema, o), (all) => all, callOptions(o));
    return { ran: true, obligations: obligations.map((x) => enumName(ObligationCodeSchema, x.code)) };
  } catch (error) {
    if (error instanceof DeniedError) return { ran: false };
    throw error;
  }
}

async function listEvents(o: Operation): Promise<Outcome> {
  const entries: JsonValue[] = [];
  try {
    for await (const entry of clientOf(o).listEvents(requestOf(ListEventsRequestSchema, o), callOptions(o))) {
      entries.push(toJson(LedgerEntrySchema, entry));
    }
    return { entries };
  } catch (error) {
    return { entries, error: errorJson(error) };
  }
}

function responseJson<D extends DescMessage>(schema: D, message: MessageShape<D>): Outcome {
  return { response: toJson(schema, message) };
}

function writtenJson<D extends DescMessage>(schema: D, message: MessageShape<D>, outcomes: (EventOutcome | undefined)[]): Outcome {
  return { ...responseJson(schema, message), outcomes: outcomes.flatMap((o) => (o === undefined ? [] : [outcomeText(o)])) };
}

function decisionJson(d: Decision): Outcome {
  return {
    allowed: d.allowed,
    reasons: d.reasons.map((r) => enumName(ReasonCodeSchema, r.code)),
    legal_basis: enumName(LegalBasisSchema, d.legalBasis),
    obligations: d.obligations.map((x) => enumName(ObligationCodeSchema, x.code)),
    permitted_data_categories: d.permittedDataCategories,
    valid_until: d.validUntil?.toISOString(),
    consistency_token: d.consistencyToken,
    policy_revision: d.policyRevision,
    id: d.id,
    text: d.toString(),
    degraded: d.degradedName === "UNSPECIFIED" ? undefined : d.degradedName,
    state_age_ms: d.stateAgeMs,
  };
}

function errorJson(error: unknown): Outcome {
  return error instanceof ConsentError
    ? {
        code: error.code,
        message: error.message,
        violations: error.violations,
        store_mismatch: error instanceof StoreMismatchError,
      }
    : { code: "UNDOCUMENTED", message: String(error) };
}

async function run(o: Operation): Promise<Outcome> {
  try {
    return (await operations[o.op]?.(o)) ?? { error: { code: "UNDOCUMENTED", message: `no operation ${o.op}` } };
  } catch (error) {
    return { error: errorJson(error) };
  }
}

const write = (line: Outcome) => process.stdout.write(JSON.stringify(line) + "\n");

write({ ready: true, client: `typescript, Node.js ${process.version}` });
const underWay: Promise<unknown>[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  const o = JSON.parse(line) as Operation;
  underWay.push(run(o).then((outcome) => write({ id: o.id, ...outcome })));
}
await Promise.all(underWay);
clients.forEach((client) => client.close());
