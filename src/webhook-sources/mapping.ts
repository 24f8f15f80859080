import { Budget } from '../expressions/budget.js';
import { compileWith } from '../expressions/compile.js';
import type { CompiledExpression } from '../expressions/expression.js';
import { Fault } from '../expressions/fault.js';
import type { PatternQuota } from '../expressions/pattern.js';
import type { Kind } from '../expressions/runtime-value.js';
import { toJson } from '../expressions/to-json.js';
import { ANY_MAP } from '../expressions/type.js';
import { sinceEpochMs } from './headers.js';

/** What of an event a source's file may make by an expression. */
const MAPPED = ['id', 'type', 'subject', 'time', 'data'] as const;

/** What an expression of a source makes. */
type Mapped = (typeof MAPPED)[number];

/** Expressions, by what they make. */
export type MappingTexts = Readonly<Partial<Record<Mapped, string>>>;

/** {@link MappingTexts}, ready to run. */
export type Mapping = Readonly<Partial<Record<Mapped, CompiledExpression>>>;

/** What expressions of a source see. */
export interface WebhookContext {
  /** By names in small letters; without what authenticates. */
  readonly headers: Readonly<Record<string, string>>;
  /** An object or array of JSON, or the fields of a form; empty where the body is neither. */
  readonly body: object;
  readonly query: Readonly<Record<string, string>>;
}

/** What expressions came to; what is missing is left out. */
export interface MappedEvent {
  readonly id?: string;
  readonly type?: string;
  readonly subject?: string;
  readonly time?: string;
  /** Undefined where no expression makes it, or where it makes nothing. */
  readonly data?: unknown;
}

/** Why an expression of the tenant's came to nothing that can be used. */
export interface MappingProblem {
  readonly problem: string;
}

const VARIABLES = new Map([
  ['headers', ANY_MAP],
  ['body', ANY_MAP],
  ['query', ANY_MAP],
]);

/** What may come out, as far as it is known before an expression runs. */
const KINDS: Readonly<Record<Mapped, readonly Kind[]>> = {
  id: ['dyn', 'string', 'int', 'uint', 'double'],
  type: ['dyn', 'string'],
  subject: ['dyn', 'string', 'int', 'uint', 'double'],
  time: ['dyn', 'string', 'timestamp', 'int', 'uint', 'double'],
  data: [],
};

/** A problem of an expression, in the words that follow its place. */
export interface ExpressionIssue {
  readonly mapped: Mapped;
  readonly message: string;
  readonly offset?: number;
}

/** Compiles what it can, and returns the problems beside it. */
export function compileMapping(
  texts: MappingTexts,
  patterns?: PatternQuota,
): { readonly mapping: Mapping; readonly issues: ExpressionIssue[] } {
  const mapping: Partial<Record<Mapped, CompiledExpression>> = {};
  const issues: ExpressionIssue[] = [];
  for (const mapped of MAPPED) {
    const text = texts[mapped];
    if (text === undefined) continue;
    const { expression, problem } = compileWith(text, VARIABLES, patterns);
    if (problem !== undefined) issues.push({ mapped, ...problem });
    else if (KINDS[mapped].length > 0 && !KINDS[mapped].includes(expression.type))
      issues.push({ mapped, message: wrongKind(mapped, expression.type), offset: expression.offset });
    else mapping[mapped] = expression;
  }
  return { mapping, issues };
}

function wrongKind(mapped: Mapped, kind: Kind): string {
  const wanted = mapped === 'time' ? 'a time' : 'text';
  return `the expression gives ${kind}, but must give ${wanted}`;
}

/**
 * Runs what a source maps. What a tenant's own expression asks for and is missing, or null, is made by the sender's
 * default; any other failure of it is a problem. A default that fails makes nothing.
 */
export function mapEvent(
  own: Mapping,
  defaults: Mapping,
  context: WebhookContext,
): MappedEvent | MappingProblem {
  const budget = new Budget();
  const event: Partial<Record<Mapped, unknown>> = {};
  for (const mapped of MAPPED) {
    const made = makeOne(own[mapped], mapped, context, budget);
    if (made !== undefined && 'problem' in made) return { problem: `map.${mapped}: ${made.problem}` };
    const used = made ?? makeOne(defaults[mapped], mapped, context, budget);
    if (used !== undefined && 'value' in used) event[mapped] = used.value;
  }
  return event as MappedEvent;
}

type Made = { readonly value: unknown } | MappingProblem | undefined;

function makeOne(
  expression: CompiledExpression | undefined,
  mapped: Mapped,
  context: WebhookContext,
  budget: Budget,
): Made {
  if (expression === undefined) return undefined;
  const result = expression.run({ ...context }, budget);
  if (result instanceof Fault) return result.code === 'MISSING' ? undefined : { problem: result.reason };
  const value = toJson(result);
  if (mapped === 'data') return value === undefined ? undefined : { value };
  if (value === null || value === undefined) return undefined;
  if (mapped === 'time') return timeOf(value);
  if (typeof value === 'string') return mapped === 'subject' && value === '' ? undefined : { value };
  if (mapped !== 'type' && Number.isSafeInteger(value)) return { value: String(value as number) };
  return { problem: `it must give text, not ${Array.isArray(value) ? 'a list' : typeof value}` };
}

/** A number is seconds or milliseconds since 1970. */
function timeOf(value: unknown): Made {
  if (typeof value === 'string') return { value };
  const time = new Date(typeof value === 'number' ? sinceEpochMs(value) : NaN);
  if (Number.isNaN(time.getTime())) return { problem: 'it must give a time' };
  return { value: time.toISOString() };
}
