import { PatternQuota } from '../expressions/pattern.js';
import { DEFAULT_MAPPINGS } from './default-mappings.js';
import { compileMapping, type Mapping, type MappingTexts } from './mapping.js';
import type { Verification } from './verification.js';

/** A source as a tenant's file has it. */
export interface SourceTexts {
  readonly name: string;
  /** References; each may stand for several values. */
  readonly verify: Verification & { readonly secrets: readonly string[] };
  readonly toleranceMs: number;
  readonly maxBytes: number;
  readonly map: MappingTexts;
}

/** A source that can take requests. */
export interface WebhookSource extends Omit<SourceTexts, 'map'> {
  readonly mapping: Mapping;
  readonly defaults: Mapping;
}

/** A problem of a source, and where in the tenant's file. */
export interface SourceIssue {
  readonly path: (string | number)[];
  readonly message: string;
  /** Where in the expression, in UTF-16 units from its start. */
  readonly offset?: number;
}

/** Compiles what it can, and returns the problems beside it. */
export function compileSources(sources: readonly SourceTexts[]): {
  readonly compiled: ReadonlyMap<string, WebhookSource>;
  readonly issues: readonly SourceIssue[];
} {
  const patterns = new PatternQuota();
  const compiled = new Map<string, WebhookSource>();
  const issues: SourceIssue[] = [];
  sources.forEach(({ map, ...source }, index) => {
    const path = ['sources', index];
    const { name, verify } = source;
    if (compiled.has(name))
      issues.push({ path: [...path, 'name'], message: `there is another source named "${name}"` });
    issues.push(
      ...verifyIssues(verify).map(({ key, message }) => ({ path: [...path, 'verify', ...key], message })),
    );
    const { mapping, issues: problems } = compileMapping(map, patterns);
    for (const { mapped, ...problem } of problems)
      issues.push({ path: [...path, 'map', mapped], ...problem });
    compiled.set(name, { ...source, mapping, defaults: defaultsOf(verify.kind) });
  });
  return { compiled, issues };
}

/** What a schema cannot say: keys that need each other. */
function verifyIssues(verify: SourceTexts['verify']): { key: string[]; message: string }[] {
  const issues: { key: string[]; message: string }[] = [];
  if (verify.secrets.length === 0) issues.push({ key: [], message: 'it needs "secret" or "secrets"' });
  if (verify.kind !== 'hmac') return issues;
  const parts = verify.signed.split('{body}').length;
  if (parts !== 2) issues.push({ key: ['signed'], message: 'it must have {body} once' });
  const signsTime = verify.signed.includes('{timestamp}');
  if (signsTime && verify.timestampHeader === undefined)
    issues.push({
      key: ['signed'],
      message: 'it has {timestamp}, so "timestampHeader" must say where that comes from',
    });
  if (!signsTime && verify.timestampHeader !== undefined)
    issues.push({
      key: ['timestampHeader'],
      message: 'a time that is not signed proves nothing: put {timestamp} into "signed"',
    });
  return issues;
}

const DEFAULTS = new Map<Verification['kind'], Mapping>();

function defaultsOf(kind: Verification['kind']): Mapping {
  const known = DEFAULTS.get(kind) ?? compileMapping(DEFAULT_MAPPINGS[kind]).mapping;
  DEFAULTS.set(kind, known);
  return known;
}
