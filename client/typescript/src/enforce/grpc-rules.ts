import {
  getOption,
  hasOption,
  ScalarType,
  type AnyDesc,
  type DescField,
  type DescMessage,
  type DescMethod,
} from "@bufbuild/protobuf";

import { purpose as purposeOption } from "../gen/consent/v1/options_pb.js";

/** What a method declares. */
export interface Rule {
  /** Empty: it declares that it uses no subject's data. */
  readonly purpose: string;
  readonly dataCategories: string[];
  /** Leads to the subject in a request; empty: the request does not tell it. */
  readonly field: readonly DescField[];
  /** The same for people. */
  readonly path: string;
  /** Why the method is always refused; undefined: it is not. */
  readonly fault: string | undefined;
}

const none = { purpose: "", dataCategories: [], field: [], path: "", fault: undefined };

/** The rules of methods, by their full names: "/mail.v1.Mail/Send". */
export class Rules {
  private readonly methods = new Map<string, DescMethod>();
  private readonly byMethod = new Map<string, Rule>();
  private readonly exempt: ReadonlySet<string>;

  constructor(services: Iterable<AnyDesc>, exempt: readonly string[]) {
    this.exempt = new Set(exempt);
    for (const service of services) {
      if (service.kind === "service") {
        service.methods.forEach((m) => this.methods.set(`/${service.typeName}/${m.name}`, m));
      }
    }
  }

  of(method: string): Rule {
    const known = this.byMethod.get(method) ?? this.declared(method);
    if (this.methods.has(method)) {
      this.byMethod.set(method, known); // bounded by what is declared, not by what is called
    }
    return known;
  }

  private declared(method: string): Rule {
    const service = method.slice(1, method.lastIndexOf("/"));
    if (this.exempt.has(service) || service.startsWith("grpc.")) {
      return none;
    }
    const descriptor = this.methods.get(method);
    if (descriptor === undefined) {
      return refused(`${method} is of no service that was given: list its service in exempt if it needs no purpose`);
    }
    if (!hasOption(descriptor, purposeOption)) {
      return refused(`${method} declares no purpose: set option (consent.v1.purpose), or list its service in exempt`);
    }
    const { name: purpose, dataCategories, subjectField: path } = getOption(descriptor, purposeOption);
    const field = fieldPath(descriptor.input, path);
    if (field === undefined) {
      return refused(`${method}: subject_field "${path}" leads to no string field of ${descriptor.input.typeName}`);
    }
    return { purpose, dataCategories, field, path, fault: undefined };
  }
}

function refused(fault: string): Rule {
  return { ...none, fault };
}

/** Finds a string field by its path; the empty path leads nowhere, and that is fine. */
function fieldPath(input: DescMessage, path: string): DescField[] | undefined {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = input;
  for (const name of path === "" ? [] : path.split(".")) {
    const field: DescField | undefined = message?.fields.find((f) => f.name === name);
    if (field === undefined || field.fieldKind === "list" || field.fieldKind === "map") {
      return undefined;
    }
    fields.push(field);
    message = field.message;
  }
  const last = fields.at(-1);
  return last === undefined || (last.fieldKind === "scalar" && last.scalar === ScalarType.STRING) ? fields : undefined;
}

/** The subject in a request, of whichever library made its object; undefined where there is none, or more than one. */
export function subjectIn(request: unknown, field: readonly DescField[]): string | undefined {
  const last = field.at(-1);
  let message: unknown = request;
  for (const f of field.slice(0, -1)) {
    message = valuesOf(message, f).at(0);
  }
  const [subject, ...others] = last === undefined ? [] : new Set(valuesOf(message, last).filter((v) => v !== ""));
  return typeof subject === "string" && others.length === 0 ? subject : undefined;
}

/**
 * A field as protobuf-es, protobufjs and proto-loader (by either of its names), or google-protobuf (by a method) have
 * it.
 */
function valuesOf(message: unknown, f: DescField): unknown[] {
  if (typeof message !== "object" || message === null) {
    return [];
  }
  const of = message as Record<string, unknown>;
  const group = f.oneof === undefined ? undefined : of[f.oneof.localName];
  const chosen =
    typeof group === "object" && group !== null && "case" in group ? (group as { case: unknown; value: unknown }) : undefined;
  const getter = of[`get${f.localName[0]?.toUpperCase()}${f.localName.slice(1)}`];
  const got: unknown = typeof getter === "function" ? getter.call(message) : undefined;
  return [of[f.localName], of[f.name], chosen?.case === f.localName ? chosen.value : undefined, got].filter(
    (v) => v !== undefined && v !== null,
  );
}
