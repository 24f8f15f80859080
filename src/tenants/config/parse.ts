import { LineCounter, parseDocument, type Document } from 'yaml';
import { messageOf, type HeadgateError } from '../../errors.js';
import { compileSchemas } from '../../event-schemas/compile.js';
import { compileRoutes } from '../../routing/compile.js';
import { compileSources } from '../../webhook-sources/compile.js';
import { checkRules, type RuleIssue } from '../../rules/compile.js';
import { AGGREGATE, type RawAggregate, type RuleConfig } from '../../rules/rule-config.js';
import { complete } from '../complete.js';
import { isReservedTenantId } from '../ids.js';
import { invalidFile, type ConfigIssue } from './invalid-file.js';
import { misfitsOf } from './misfits.js';
import { promotionIssues } from './promotion.js';
import { pushUrlIssues } from './subscription-config.js';
import { completeConfig, type RawConfig, type TenantConfig } from './tenant-config.js';
import { warehouseIssues } from './warehouse-config.js';
import { offsetInString, offsetOfKey, offsetOfValue, valuesOf, type YamlPath } from './yaml-document.js';

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

/**
 * Reads a tenant's configuration from YAML, with defaults filled in.
 * @param fileName what to call the file in messages
 * @throws HeadgateError `TENANT_CONFIG_INVALID`: every problem as a line `file:line:column: message`, and as
 * `details.issues` (see {@link ConfigIssue})
 */
export function parseTenantConfig(text: string, fileName: string): TenantConfig {
  const lines = new LineCounter();
  const { document, raw, problems } = readYaml(text, lines);
  const checked: Checked = problems.length > 0 ? { problems } : check(document!, text, raw);
  if (checked.config === undefined) throw invalid(fileName, lines, checked.problems);
  return checked.config;
}

/** The configuration where there are no problems, and the problems where there are. */
interface Checked {
  readonly config?: TenantConfig;
  readonly problems: readonly TextProblem[];
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

function check(document: Document, text: string, raw: unknown): Checked {
  const misfits = misfitsOf(raw).map(({ path, key, message }): Problem => {
    if (key === undefined) return { path, offset: offsetOfValue(document, path), message };
    return { path: [...path, key], offset: offsetOfKey(document, path, key), message };
  });
  const config = misfits.length === 0 ? completeConfig(raw as RawConfig) : undefined;
  const issues = [
    ...reservedIssues(raw),
    ...pushUrlIssues(raw),
    ...(config === undefined ? sparedRuleIssues(raw, misfits) : issuesOf(config)),
  ];
  const problems = [...misfits, ...issues.map((issue) => issueProblem(document, text, issue))];
  return problems.length === 0 ? { config, problems } : { problems };
}

/** What a schema cannot say. */
function issuesOf(config: TenantConfig): RuleIssue[] {
  return [
    ...checkRules(config).issues,
    ...compileRoutes(config).issues,
    ...compileSources(config.sources).issues,
    ...compileSchemas(config.schemas).issues,
    ...promotionIssues(config.warehouse.promote),
    ...warehouseIssues(config.warehouse, config.retentionMs),
  ];
}

/** A tenant's id that would be taken for one of Headgate's own kinds. */
function reservedIssues(raw: unknown): RuleIssue[] {
  const { tenant } = (raw ?? {}) as { tenant?: unknown };
  if (!isReservedTenantId(tenant)) return [];
  const message = `no tenant may be called "${String(tenant)}": workflow ids of Headgate or Temporal begin with it; give it another id`;
  return [{ path: ['tenant'], message }];
}

/** Of the aggregates and rules whose form is right, where that of something else is not. */
function sparedRuleIssues(raw: unknown, found: readonly Problem[]): RuleIssue[] {
  const { aggregates, rules } = (raw ?? {}) as { aggregates?: unknown; rules?: unknown };
  const broken = (...start: YamlPath) => found.some(({ path }) => start.every((key, i) => path[i] === key));
  const isMap = typeof aggregates === 'object' && aggregates !== null && !Array.isArray(aggregates);
  const checked = checkRules({
    aggregates: Object.fromEntries(
      Object.entries(isMap ? aggregates : {}).map(([name, aggregate]) => [
        name,
        complete(AGGREGATE, broken('aggregates', name) ? STAND_IN_AGGREGATE : (aggregate as RawAggregate)),
      ]),
    ),
    rules: (Array.isArray(rules) ? rules : []).map((rule: RuleConfig, index) =>
      broken('rules', index) ? standInRule(index) : rule,
    ),
  });
  return checked.issues;
}

function issueProblem(document: Document, text: string, { path, message, offset }: RuleIssue): Problem {
  const place =
    offset === undefined ? offsetOfValue(document, path) : offsetInString(document, text, path, offset);
  return { path, offset: place, message: `${path.join('.')}: ${message}` };
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
