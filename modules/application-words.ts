/**
 * What applications fail with, in words.
 *
 * Source: the reasons of `application-controller.ts`.
 */

type Fields = Readonly<Record<string, unknown>>;

/**
 * One line about a reason of this library's applications; `undefined` for any other.
 *
 * @param inner says it of the reason within
 */
export function applicationWords(
  reason: Fields,
  inner: (reason: unknown) => string,
): string | undefined {
  const { kind, application, applications, modules, module, known, name, by } = reason;
  switch (kind) {
    case 'application_start_failed':
      return `application ${application} did not start: ${inner(reason['reason'])}`;
    case 'application_terminated':
      return `application ${application} ended: ${inner(reason['reason'])}`;
    case 'unknown_application':
      return `there is no application ${application}${listed(known)}`;
    case 'dependency_cycle':
      return `applications need each other in a circle: ${list(applications, ' → ')}`;
    case 'inclusion_cycle':
      return `applications include each other in a circle: ${list(applications, ' → ')}`;
    case 'defined_twice':
      return `application ${application} is defined by several modules: ${list(modules, ', ')}`;
    case 'not_started':
      return `application ${application} is not started`;
    case 'not_running':
      return `application ${application} ended by itself, and was not started again`;
    case 'not_loaded':
      return `application ${application} is not loaded`;
    case 'already_loaded':
      return `application ${application} is loaded already`;
    case 'stopping':
      return `application ${application} is being stopped`;
    case 'running':
      return `application ${application} runs`;
    case 'no_module':
      return `application ${application} names module ${module}, which is not loaded`;
    case 'name_conflict':
      return `applications ${list(applications, ' and ')} register the same name ${JSON.stringify(name)}`;
    case 'included_twice':
      return `application ${application} is included by two: ${list(by, ' and ')}`;
    default:
      return undefined;
  }
}

function list(names: unknown, between: string): string {
  return (names as readonly string[]).join(between);
}

function listed(known: unknown): string {
  const names = known as readonly string[];
  if (names.length === 0) return '; no module exports one, as defineApplication makes it';
  return `; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`;
}
