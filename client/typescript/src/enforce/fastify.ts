/**
 * Hooks for Fastify 4 and 5: a route runs only where the person whom it is about allows its purpose.
 *
 * ```ts
 * const consent = enforceFastify({ checker: client, controller: "example", subject: (request) => request.user.id });
 * app.post("/newsletter", { preHandler: consent.requires("marketing_email") }, async (request) => {
 *   const { obligations } = consent.decisionOf(request);
 *   …
 * });
 * ```
 *
 * @packageDocumentation
 */
import type { FastifyReply, FastifyRequest } from "fastify";

import type { Decision } from "../decision.js";
import { Enforcer, type EnforceOptions, type SubjectOf } from "./enforcer.js";

export type { Decider, EnforceEvent, EnforceOptions, EnforceOutcome, SubjectOf } from "./enforcer.js";

/** How Fastify routes are enforced. */
export interface FastifyOptions extends EnforceOptions {
  /** Tells who a request is about. Nobody: 401. */
  subject: SubjectOf<FastifyRequest>;
}

/** What `enforceFastify` gives. */
export interface FastifyEnforcement {
  /**
   * A hook, for `preHandler`, that lets a request through only where its subject allows the purpose, for the data
   * categories that the route uses. Else it answers 403 with the reasons, 401 where the subject cannot be told, or 503
   * where there is no decision, as JSON: `{ error, reasons }`.
   */
  requires(purpose: string, ...dataCategories: string[]): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
  /** The decision that let a request through, with the obligations to meet; one that denies if there was none. */
  decisionOf(request: FastifyRequest): Decision;
}

/** @throws TypeError that names what the options lack. */
export function enforceFastify(options: FastifyOptions): FastifyEnforcement {
  const enforcer = new Enforcer(options);
  const requires = (purpose: string, ...dataCategories: string[]) => {
    enforcer.use("a route", purpose, dataCategories);
    return async (request: FastifyRequest, reply: FastifyReply) => {
      const use = enforcer.use(`${request.method} ${request.routeOptions.url ?? ""}`, purpose, dataCategories);
      const { decision, refusal } = await enforcer.ask(use, request, options.subject);
      if (refusal !== undefined) {
        // Never settles: a reply that is returned is "done" when the caller goes away before it was sent, and the handler would run.
        void reply.code(refusal.status).send(refusal.body);
        return new Promise<never>(() => undefined);
      }
      enforcer.let(request, decision);
      return undefined;
    };
  };
  return { requires, decisionOf: (request) => enforcer.decisionOf(request) };
}
