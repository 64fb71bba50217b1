/**
 * A guard for NestJS 10 and later: a handler runs only where the person whom it is about allows its purpose.
 *
 * ```ts
 * const subject = (request) => request.user.id;
 * app.useGlobalGuards(new ConsentGuard({ checker: client, controller: "example", subject }));
 *
 * @Controller()
 * class Newsletter {
 *   @Post("newsletter")
 *   @Purpose("marketing_email")
 *   send(@ConsentDecision() decision: Decision) {}
 *
 *   @Get("health")
 *   @NoPersonalData()
 *   health() {}
 * }
 * ```
 *
 * @packageDocumentation
 */
import {
  createParamDecorator,
  ForbiddenException,
  InternalServerErrorException,
  ServiceUnavailableException,
  SetMetadata,
  UnauthorizedException,
  type CanActivate,
  type CustomDecorator,
  type ExecutionContext,
} from "@nestjs/common";

import { Decision } from "../decision.js";
import { Enforcer, type EnforceOptions, type Refusal, type SubjectOf } from "./enforcer.js";

export type { Decider, EnforceEvent, EnforceOptions, EnforceOutcome, SubjectOf } from "./enforcer.js";

/** How NestJS handlers are enforced. */
export interface ConsentGuardOptions extends EnforceOptions {
  /** Tells who a request is about. Nobody: 401. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the platform's request, of whichever platform
  subject: SubjectOf<any>;
  /** The request of a call. Default that of HTTP; calls of another kind are refused unless this is set. */
  request?: (context: ExecutionContext) => object;
}

const metadataKey = "consentd:purpose";

/** What a handler declares; null: it uses no person's data. */
type Declared = { purpose: string; dataCategories: string[] } | null;

/**
 * Declares the purpose for which a handler, or all of a controller's, uses personal data, and the data's categories.
 */
export function Purpose(purpose: string, ...dataCategories: string[]): CustomDecorator {
  if (typeof purpose !== "string" || purpose === "") {
    throw new TypeError("Purpose: name the purpose; NoPersonalData declares that there is none");
  }
  return SetMetadata(metadataKey, { purpose, dataCategories });
}

/** Declares that a handler, or all of a controller's, uses no person's data: the guard lets it run. */
export function NoPersonalData(): CustomDecorator {
  return SetMetadata(metadataKey, null);
}

const decisions = new WeakMap<object, Decision>();

/** The decision that let a request run, with the obligations to meet; one that denies if there was none. */
export function decisionOf(request: object): Decision {
  return decisions.get(request) ?? new Decision();
}

/** A parameter that is the decision which let the handler run. */
export const ConsentDecision: () => ParameterDecorator = createParamDecorator((_: unknown, context: ExecutionContext) =>
  decisionOf(context.switchToHttp().getRequest<object>()),
);

/**
 * Lets handlers run only where the subject allows the purpose that they declare. A denial is 403 with the reasons, a
 * subject that cannot be told 401, no decision 503. A handler that declares nothing is refused: 500, and the outcome
 * `undeclared`.
 */
export class ConsentGuard implements CanActivate {
  private readonly enforcer: Enforcer;

  /** @throws TypeError that names what the options lack. */
  constructor(private readonly options: ConsentGuardOptions) {
    this.enforcer = new Enforcer(options);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const where = `${context.getClass().name}.${context.getHandler().name}`;
    const declared = declaredOf(context);
    const request = this.requestOf(context);
    if (declared === null) {
      return true;
    }
    if (declared === undefined || request === undefined) {
      this.enforcer.count({ where, purpose: declared?.purpose ?? "" }, "undeclared");
      throw new InternalServerErrorException(`${where} declares no purpose, or is of a kind that is not enforced`);
    }
    const { decision, refusal } = await this.enforcer.ask({ where, ...declared }, request, this.options.subject);
    if (refusal !== undefined) {
      throw exceptionOf(refusal);
    }
    decisions.set(request, decision);
    return true;
  }

  private requestOf(context: ExecutionContext): object | undefined {
    if (this.options.request !== undefined) {
      return this.options.request(context);
    }
    return context.getType() === "http" ? context.switchToHttp().getRequest<object>() : undefined;
  }
}

/** The handler's own declaration goes before its controller's. Nest keeps both on the functions. */
function declaredOf(context: ExecutionContext): Declared | undefined {
  const { getMetadata } = Reflect as unknown as { getMetadata(key: string, target: object): Declared | undefined };
  const own = getMetadata(metadataKey, context.getHandler());
  return own === undefined ? getMetadata(metadataKey, context.getClass()) : own;
}

function exceptionOf({ status, body }: Refusal): Error {
  switch (status) {
    case 401:
      return new UnauthorizedException(body);
    case 403:
      return new ForbiddenException(body);
    default:
      return new ServiceUnavailableException(body);
  }
}
