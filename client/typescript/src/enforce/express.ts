/**
 * Middleware for Express 4 and 5: a route runs only where the person whom it is about allows its purpose.
 *
 * ```ts
 * const consent = enforceExpress({ checker: client, controller: "example", subject: (req) => req.session.userId });
 * app.post("/newsletter", consent.requires("marketing_email"), (req, res) => {
 *   const { obligations } = consent.decisionOf(req);
 *   …
 * });
 * ```
 *
 * @packageDocumentation
 */
import type { NextFunction, Request, RequestHandler, Response } from "express";

import type { Decision } from "../decision.js";
import { Enforcer, type EnforceOptions, type Refusal, type SubjectOf } from "./enforcer.js";

export type { Decider, EnforceEvent, EnforceOptions, EnforceOutcome, SubjectOf } from "./enforcer.js";

/** How Express routes are enforced. */
export interface ExpressOptions extends EnforceOptions {
  /** Tells who a request is about. Nobody: 401. */
  subject: SubjectOf<Request>;
}

/** What `enforceExpress` gives. */
export interface ExpressEnforcement {
  /**
   * A middleware that lets a request through to what comes after it only where its subject allows the purpose, for the
   * data categories that the route uses. Else it answers 403 with the reasons, 401 where the subject cannot be told, or
   * 503 where there is no decision, as JSON: `{ error, reasons }`.
   */
  requires(purpose: string, ...dataCategories: string[]): RequestHandler;
  /** The decision that let a request through, with the obligations to meet; one that denies if there was none. */
  decisionOf(req: Request): Decision;
}

/** @throws TypeError that names what the options lack. */
export function enforceExpress(options: ExpressOptions): ExpressEnforcement {
  const enforcer = new Enforcer(options);
  const requires = (purpose: string, ...dataCategories: string[]): RequestHandler => {
    enforcer.use("a route", purpose, dataCategories);
    return (req: Request, res: Response, next: NextFunction) => {
      const use = enforcer.use(routeOf(req), purpose, dataCategories);
      void enforcer.ask(use, req, options.subject).then(({ decision, refusal }) => {
        if (refusal !== undefined) {
          refuse(res, refusal, next);
          return;
        }
        enforcer.let(req, decision);
        next();
      });
    };
  };
  return { requires, decisionOf: (req) => enforcer.decisionOf(req) };
}

/**
 * Something else may have answered meanwhile, such as a timeout: an error goes on to where errors go, past all
 * handlers.
 */
function refuse(res: Response, { status, body }: Refusal, next: NextFunction): void {
  try {
    res.status(status).json(body);
  } catch (error) {
    next(error ?? new Error("the refusal could not be sent"));
  }
}

function routeOf(req: Request): string {
  const { path } = (req.route ?? {}) as { path?: unknown };
  return `${req.method} ${req.baseUrl}${typeof path === "string" ? path : ""}`;
}
