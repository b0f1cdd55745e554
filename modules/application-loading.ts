/**
 * Application loading: which applications the loaded modules define, and whether one may be loaded.
 *
 * Invariant: an application is loaded with all that it includes, or not at all.
 *
 * Source: OTP, `application:load/1`; SEMANTICS 15.
 */

import { code } from 'tsvm';
import { type Application, isApplication } from './application-types.js';

/** How an application looks from outside. */
export interface ApplicationInfo {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  /** The module that defines it. */
  readonly definedIn: string;
  readonly applications: readonly string[];
  readonly optionalApplications: readonly string[];
  readonly includedApplications: readonly string[];
  readonly modules: readonly string[];
  readonly registered: readonly string[];
}

/** An application, and the module that says what it is. */
export interface Definition {
  readonly module: string;
  readonly application: Application;
}

/** What was to be loaded, or why not. */
export type Loading =
  | { readonly ok: true; readonly definitions: readonly Definition[] }
  | { readonly ok: false; readonly reason: unknown };

/** All that the loaded modules define. */
export function allDefinitions(): readonly Definition[] {
  return code.loaded().flatMap(({ module, version, exports }) => {
    if (version === null || !exports.includes('application')) return [];
    const application = code.namespace(module)?.['application'];
    return isApplication(application) ? [{ module, application }] : [];
  });
}

/** The definition of an application as it is now; `undefined` if there is none. */
export function find(name: string): Application | undefined {
  return allDefinitions().find(({ application }) => application.name === name)?.application;
}

/** An application and those that it includes, outermost first; changes nothing. */
export function planLoad(loaded: ReadonlyMap<string, ApplicationInfo>, name: string): Loading {
  const definitions: Definition[] = [];
  const planned = new Map(loaded);
  const reason = plan(name, [], planned, definitions);
  return reason === null ? { ok: true, definitions } : { ok: false, reason };
}

/** @param owners the applications that include this one, outermost first. @returns what is wrong, or null */
function plan(
  name: string,
  owners: readonly string[],
  planned: Map<string, ApplicationInfo>,
  definitions: Definition[],
): unknown {
  const all = allDefinitions();
  const found = all.filter(({ application }) => application.name === name);
  const [first] = found;
  if (first === undefined) return unknownApplication(name, all);
  if (found.length > 1) {
    const modules = found.map(({ module }) => module);
    return { kind: 'defined_twice', application: name, modules };
  }
  const wrong = conflict(planned, first.application);
  if (wrong !== null) return wrong;
  planned.set(name, infoOf(first));
  definitions.push(first);
  for (const included of first.application.includedApplications) {
    const path = [...owners, name, included];
    if (path.indexOf(included) < path.length - 1) {
      return { kind: 'inclusion_cycle', applications: path };
    }
    const failure = planned.has(included)
      ? null
      : plan(included, [...owners, name], planned, definitions);
    if (failure !== null) return failure;
  }
  return null;
}

export function unknownApplication(
  name: string,
  all: readonly Definition[] = allDefinitions(),
): unknown {
  const known = all.map(({ application }) => application.name).sort();
  return { kind: 'unknown_application', application: name, known };
}

/** What two applications cannot both have, and what is not there. */
function conflict(
  others: ReadonlyMap<string, ApplicationInfo>,
  { name, modules, registered, includedApplications }: Application,
): unknown {
  const missing = modules.find((each) => code.namespace(each) === undefined);
  if (missing !== undefined) return { kind: 'no_module', application: name, module: missing };
  for (const other of others.values()) {
    const taken = registered.find((each) => other.registered.includes(each));
    if (taken !== undefined) {
      return { kind: 'name_conflict', name: taken, applications: [other.name, name] };
    }
    const shared = other.includedApplications.find((each) => includedApplications.includes(each));
    if (shared !== undefined) {
      return { kind: 'included_twice', application: shared, by: [other.name, name] };
    }
  }
  return null;
}

export function infoOf({ module, application }: Definition): ApplicationInfo {
  const { name, description, version, modules, registered } = application;
  const { applications, optionalApplications, includedApplications } = application;
  return {
    name,
    description,
    version,
    definedIn: module,
    applications,
    optionalApplications,
    includedApplications,
    modules,
    registered,
  };
}
