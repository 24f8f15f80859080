import type { ErrorObject, ValidateFunction } from 'ajv';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { messageOf, type HeadgateError } from '../../errors.js';
import { compileSchemas } from '../../event-schemas/compile.js';
import { checkRules, type RuleIssue } from '../../rules/compile.js';
import { compileRoutes } from '../../routing/compile.js';
import { isReservedTenantId } from '../ids.js';
import { invalidFile, type ConfigIssue } from './invalid-file.js';
import { nearest } from '../../platform/nearest.js';
import { completeAggregate, completeConfig, type RawAggregate, type RawConfig } from './raw-config.js';
import { DECIDED_TYPE, TENANT, createTenantValidator } from './schema.js';
import { promotionIssues } from './promotion.js';
import { PUSH_URL, pushUrlIssues } from './push-url.js';
import { SECRET, SECRET_PREFIX, VALUE } from './secret-reference.js';
import { RESERVED_NAMES, SUBSCRIPTION_NAME, TYPE_PATTERN } from './subscription-schema.js';
import type { TenantConfig } from './tenant-config.js';
import type { RuleConfig } from '../../rules/rule-config.js';
import { warehouseIssues } from './raw-warehouse.js';
import { WAREHOUSE_PATTERN_PROBLEMS } from './warehouse-schema.js';
import { offsetInString, offsetOfKey, offsetOfValue, type YamlPath } from './yaml-position.js';
import { valuesOf } from './yaml-values.js';

/** A problem before its place is worked out. */
interface Problem {
  readonly path: YamlPath;
  readonly offset: number;
  readonly message: string;
}

/** Stands in for a rule with problems of its own, so that the others are still checked and keep their places. */
const standInRule = (index: number): RuleConfig => ({ name: `#${index}`, on: ['-'], when: 'true' });

/** Stands in for an aggregate with problems of its own: rules may still name it. */
const STAND_IN_AGGREGATE: RawAggregate = { on: ['-'], op: 'count', window: '1s' };

let validator: ValidateFunction | undefined;

/**
 * Reads a tenant's configuration from YAML, with defaults filled in.
 * @param fileName what to call the file in messages
 * @throws HeadgateError `TENANT_CONFIG_INVALID`: every problem as a line `file:line:column: message`, and as
 * `details.issues` (see {@link ConfigIssue})
 */
export function parseTenantConfig(text: string, fileName: string): TenantConfig {
  const lines = new LineCounter();
  const { document, raw, problems } = readYaml(text, lines);
  const found = problems.length > 0 ? problems : problemsOf(document!, text, raw);
  if (found.length > 0) throw invalid(fileName, lines, found);
  return completeConfig(raw as RawConfig);
}

/** What can be said about a place in the text. */
type TextProblem = Pick<Problem, 'offset' | 'message'>;

function readYaml(text: string, lines: LineCounter) {
  let document: Document | undefined;
  let problems: TextProblem[] = [];
  let raw: unknown;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    problems = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
      offset: pos[0],
      message,
    }));
    if (problems.length === 0) raw = valuesOf(document);
  } catch (error) {
    problems = [{ offset: 0, message: messageOf(error) }];
  }
  return { document, raw, problems };
}

function problemsOf(document: Document, text: string, raw: unknown): Problem[] {
  validator ??= createTenantValidator();
  const inNames = [...reservedIssues(raw), ...pushUrlIssues(raw)].map((issue) =>
    issueProblem(document, text, issue),
  );
  if (validator(raw)) {
    const config = completeConfig(raw as RawConfig);
    const issues = [
      ...compileRoutes(config).issues,
      ...compileSchemas(config.schemas).issues,
      ...promotionIssues(config.warehouse.promote),
      ...warehouseIssues(config),
    ];
    const inOthers = issues.map((issue) => issueProblem(document, text, issue));
    return [...inNames, ...ruleProblems(document, text, raw as RawConfig, []), ...inOthers];
  }
  const found = (validator.errors ?? []).flatMap((error) => schemaProblem(document, error) ?? []);
  return [...found, ...inNames, ...ruleProblems(document, text, raw, found)];
}

/** A tenant's id that would be taken for one of Headgate's own kinds. */
function reservedIssues(raw: unknown): RuleIssue[] {
  const { tenant } = (raw ?? {}) as { tenant?: unknown };
  if (!isReservedTenantId(tenant)) return [];
  const message = `no tenant may be called "${String(tenant)}": workflow ids of Headgate or Temporal begin with it; give it another id`;
  return [{ path: ['tenant'], message }];
}

/** A problem of form in plain words. Undefined for errors that only sum up others. */
function schemaProblem(document: Document, error: ErrorObject): Problem | undefined {
  const path = pathOf(error.instancePath);
  const name = path.length === 0 ? 'the file' : path.join('.');
  const here = (message: string) => ({ path, offset: offsetOfValue(document, path), message });
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(document, path, error);
    case 'required':
      return here(`${name} needs "${error.params.missingProperty as string}"`);
    case 'propertyNames': {
      const key = error.params.propertyName as string;
      return {
        path: [...path, key],
        offset: offsetOfKey(document, path, key),
        message: notAName(`"${key}"`, key),
      };
    }
    case 'pattern':
      // The error of a key is reported under `propertyNames`.
      if (error.propertyName !== undefined) return undefined;
      return here(
        `${PATTERN_PROBLEMS[(error.parentSchema as { pattern: string }).pattern]?.(name) ?? notAName(name, error.data)}`,
      );
    case 'if':
      // What does not fit is told by the schema that was chosen.
      return undefined;
    case 'discriminator':
      // A kind that is missing or unknown is told by `required` or `enum`.
      return undefined;
    case 'enum':
      return here(`${name} must be one of ${(error.params.allowedValues as string[]).join(', ')}`);
    case 'const':
      return here(`${name} must be ${String(error.params.allowedValue)}`);
    case 'type':
      return here(
        `${name} must be ${WORD_FOR[error.params.type as string] ?? error.params.type}${hintFor(error)}`,
      );
    default:
      return here(`${name} ${error.message}`);
  }
}

const REACH = `no variable that begins otherwise than with ${SECRET_PREFIX} can be referred to`;

/** What to say of a text that does not fit a pattern. */
const PATTERN_PROBLEMS: Readonly<Record<string, (name: string) => string>> = {
  [TENANT]: () => 'a tenant id has 1 to 63 letters, digits, "_" or "-", and starts with a letter or digit',
  [SECRET]: (name) =>
    `${name} must be env:${SECRET_PREFIX}<TENANT>__NAME, or a literal secret that begins with whsec_ or whsk_; ${REACH}`,
  [VALUE]: (name) => `${name} must be env:${SECRET_PREFIX}<TENANT>__NAME, or not begin with env:; ${REACH}`,
  [PUSH_URL]: (name) => `${name} must be an http or https address`,
  [DECIDED_TYPE]: (name) =>
    `${name} must not begin with "headgate.": Headgate's own events can be routed, and are not decided on`,
  [TYPE_PATTERN]: (name) => `${name} must be an event type, with a star at its end at most`,
  [SUBSCRIPTION_NAME]: (name) =>
    `${name} must be a name of 1 to 63 small letters, digits, "_" and "-" that starts with a letter, and not ${alternatives(RESERVED_NAMES)}`,
  ...WAREHOUSE_PATTERN_PROBLEMS,
};

function alternatives(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

function notAName(what: string, value: unknown): string {
  if (value === 'constructor') return `${what} must not be "constructor": every JavaScript object has one`;
  return `${what} must be a name of 1 to 63 small letters, digits and "_" that starts with a letter`;
}

const WORD_FOR: Readonly<Record<string, string>> = {
  object: 'a map of keys and values',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

/** YAML reads `1E3`, `007` or `true` without quotes as something else than text. */
function hintFor({ params, data }: ErrorObject): string {
  const misread = params.type === 'string' && (typeof data === 'number' || typeof data === 'boolean');
  return misread ? `: YAML reads it as ${typeof data} ${String(data)}, put it in quotes` : '';
}

function unknownKey(document: Document, path: YamlPath, { params, parentSchema }: ErrorObject): Problem {
  const key = params.additionalProperty as string;
  const known = Object.keys((parentSchema as { properties: object }).properties);
  const meant = nearest(key, known);
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean "${meant}"?`;
  const message = `unknown key "${key}"; ${hint}`;
  return { path: [...path, key], offset: offsetOfKey(document, path, key), message };
}

/** Problems of the aggregates and rules whose form is right. */
function ruleProblems(document: Document, text: string, raw: unknown, found: readonly Problem[]): Problem[] {
  const { aggregates, rules } = (raw ?? {}) as { aggregates?: unknown; rules?: unknown };
  const broken = (...start: YamlPath) => found.some(({ path }) => start.every((key, i) => path[i] === key));
  const isMap = typeof aggregates === 'object' && aggregates !== null && !Array.isArray(aggregates);
  const checked = checkRules({
    aggregates: Object.fromEntries(
      Object.entries(isMap ? aggregates : {}).map(([name, aggregate]) => [
        name,
        completeAggregate(broken('aggregates', name) ? STAND_IN_AGGREGATE : (aggregate as RawAggregate)),
      ]),
    ),
    rules: (Array.isArray(rules) ? rules : []).map((rule: RuleConfig, index) =>
      broken('rules', index) ? standInRule(index) : rule,
    ),
  });
  return checked.issues.map((issue) => issueProblem(document, text, issue));
}

function issueProblem(document: Document, text: string, { path, message, offset }: RuleIssue): Problem {
  const place =
    offset === undefined ? offsetOfValue(document, path) : offsetInString(document, text, path, offset);
  return { path, offset: place, message: `${path.join('.')}: ${message}` };
}

/** The keys of a JSON pointer; list indexes as numbers. */
function pathOf(pointer: string): (string | number)[] {
  const keys = pointer.split('/').slice(1);
  return keys.map((key) =>
    /^\d+$/.test(key) ? Number(key) : key.replaceAll('~1', '/').replaceAll('~0', '~'),
  );
}

function invalid(fileName: string, lines: LineCounter, problems: readonly TextProblem[]): HeadgateError {
  const issues = [...problems]
    .sort((a, b) => a.offset - b.offset)
    .map(({ offset, message }): ConfigIssue => {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(1, line), column: Math.max(1, col), message };
    });
  return invalidFile(fileName, issues);
}
