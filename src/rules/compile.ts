import { HeadgateError } from '../errors.js';
import { allAtOnce, type Steps } from '../platform/event-loop-turns.js';
import { compileExpression } from '../expressions/compile.js';
import type { CompiledExpression } from '../expressions/expression.js';
import { PatternQuota } from '../expressions/pattern.js';
import type { Reference } from '../expressions/references.js';
import type { AggregateConfig, RuleConfig, RulesConfig } from './rule-config.js';
import type { CompiledAggregate, CompiledRule, CompiledRules, TypePlan } from './compiled.js';
import { aggregateDefinitionHash, ruleVersion } from './definition-hash.js';

/** Characters that the values of one `last` may take for a subject: more is not looked back on. */
const MAX_LAST_CHARS = 65_536;
/** The same of all of a tenant's together: a subject is read and written as a whole, in one turn of the event loop. */
const MAX_LAST_CHARS_OF_SUBJECT = 1_000_000;

/** What is wrong with a tenant's rules, and where. */
export interface RuleIssue {
  /** Where in the configuration, such as `['rules', 0, 'when']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Where in the expression, in UTF-16 units from its start. */
  readonly offset?: number;
}

/**
 * Compiles a tenant's aggregates and rules, once per configuration.
 * @throws HeadgateError `TENANT_CONFIG_INVALID` with every problem found as `details.issues` (see {@link RuleIssue})
 */
export function compileRules(config: RulesConfig): CompiledRules {
  return allAtOnce(compilingRules(config));
}

/** {@link compileRules}, in steps. */
export function* compilingRules(config: RulesConfig): Steps<CompiledRules> {
  const { compiled, issues } = yield* checkingRules(config);
  if (issues.length === 0) return compiled;
  const lines = issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new HeadgateError('TENANT_CONFIG_INVALID', lines.join('\n'), { details: { issues } });
}

/** Compiles what it can, and returns the problems instead of throwing them. */
export function checkRules(config: RulesConfig): CheckedRules {
  return allAtOnce(checkingRules(config));
}

/** What could be compiled, and what could not. */
interface CheckedRules {
  readonly compiled: CompiledRules;
  readonly issues: RuleIssue[];
}

function* checkingRules(config: RulesConfig): Steps<CheckedRules> {
  const compiler = new Compiler(config);
  const aggregates = new Map<string, CompiledAggregate>();
  for (const [name, aggregate] of Object.entries(config.aggregates)) {
    const compiled = compiler.aggregate(name, aggregate);
    if (compiled !== undefined) aggregates.set(name, compiled);
    yield;
  }
  const rules: CompiledRule[] = [];
  for (const [index, rule] of config.rules.entries()) {
    const compiled = compiler.rule(rule, index);
    if (compiled !== undefined) rules.push(compiled);
    yield;
  }
  const byType = yield* planTypes(aggregates, rules);
  return { compiled: { aggregates, rules, byType }, issues: compiler.issues };
}

/** Compiles one configuration, noting problems as it goes. */
class Compiler {
  readonly issues: RuleIssue[] = [];
  private readonly patterns = new PatternQuota();
  private readonly ruleNames = new Set<string>();

  private readonly lastChars: number;

  constructor(private readonly config: RulesConfig) {
    const lasts = Object.values(config.aggregates).filter(({ op }) => op === 'last').length;
    this.lastChars = Math.min(MAX_LAST_CHARS, Math.floor(MAX_LAST_CHARS_OF_SUBJECT / lasts));
  }

  aggregate(name: string, config: AggregateConfig): CompiledAggregate | undefined {
    const path = ['aggregates', name];
    const known = this.issues.length;
    if (config.op === 'count' && config.value !== undefined) {
      this.issue([...path, 'value'], 'an aggregate with "op: count" has no value: it counts events');
    } else if (config.op !== 'count' && config.value === undefined) {
      this.issue(path, `an aggregate with "op: ${config.op}" needs a "value": the expression to fold`);
    }
    const when = this.own(config.when, [...path, 'when'], ['bool']);
    const value = this.own(config.value, [...path, 'value'], config.op === 'last' ? undefined : NUMBERS);
    if (this.issues.length > known) return undefined;
    const { on, op, windowMs } = config;
    const maxChars = op === 'last' ? this.lastChars : undefined;
    const definition = aggregateDefinitionHash(config);
    return { name, definition, on, op, windowMs, maxChars, when, value };
  }

  rule(config: RuleConfig, index: number): CompiledRule | undefined {
    const path = ['rules', index];
    if (this.ruleNames.has(config.name)) {
      this.issue([...path, 'name'], `there is another rule named "${config.name}"`);
    }
    this.ruleNames.add(config.name);
    const when = this.expression('rule', config.when, [...path, 'when'], ['bool']);
    if (when === undefined) return undefined;
    const used = this.aggregatesUsed(when.references, [...path, 'when']);
    if (used === undefined) return undefined;
    const version = ruleVersion(config, this.config.aggregates, used);
    return { name: config.name, version, on: config.on, when, aggregates: used };
  }

  /** An aggregate's own expression. */
  private own(source: string | undefined, path: RuleIssue['path'], types?: readonly string[]) {
    return source === undefined ? undefined : this.expression('aggregate', source, path, types);
  }

  /** Compiles an expression that must give one of `types` (any, if undefined). */
  private expression(
    role: 'rule' | 'aggregate',
    source: string,
    path: RuleIssue['path'],
    types?: readonly string[],
  ): CompiledExpression | undefined {
    const { expression, problem } = compileExpression(source, role, this.patterns);
    if (problem !== undefined) return this.issue(path, plain(problem.message), problem.offset);
    const { type, offset } = expression;
    if (types === undefined || type === 'dyn' || types.includes(type)) return expression;
    const wanted = types === NUMBERS ? 'a number' : 'true or false';
    return this.issue(path, `the expression gives ${type}, but must give ${wanted}`, offset);
  }

  /** The names of the aggregates referred to, or undefined if one does not exist. */
  private aggregatesUsed(references: readonly Reference[], path: RuleIssue['path']): string[] | undefined {
    const known = this.issues.length;
    const used = new Set<string>();
    for (const reference of references) {
      const [variable, name] = reference.path;
      if (variable !== 'aggregates') continue;
      if (typeof name !== 'string') {
        this.issue(path, 'an aggregate is used by its name: aggregates.<name>', reference.offset);
      } else if (!Object.hasOwn(this.config.aggregates, name)) {
        this.issue(path, undeclared(name, Object.keys(this.config.aggregates)), reference.offset);
      } else {
        used.add(name);
      }
    }
    return this.issues.length > known ? undefined : [...used];
  }

  private issue(path: RuleIssue['path'], message: string, offset?: number): undefined {
    this.issues.push(offset === undefined ? { path, message } : { path, message, offset });
  }
}

/** The types CEL's checker may infer for a number. */
const NUMBERS: readonly string[] = ['int', 'uint', 'double'];

function plain(message: string): string {
  return message === 'Unknown variable: aggregates'
    ? 'aggregates cannot be used in an aggregate: they are computed from events, not from each other'
    : message;
}

function undeclared(name: string, declared: readonly string[]): string {
  const known = declared.length === 0 ? 'none is declared' : `declared are ${declared.join(', ')}`;
  return `there is no aggregate named "${name}" (${known})`;
}

/** Indexes aggregates and rules by event type, so that an event that concerns none costs one look-up. */
function* planTypes(
  aggregates: ReadonlyMap<string, CompiledAggregate>,
  rules: readonly CompiledRule[],
): Steps<Map<string, TypePlan>> {
  const plans = new Map<
    string,
    { folds: CompiledAggregate[]; reads: Set<CompiledAggregate>; rules: CompiledRule[] }
  >();
  const planOf = (type: string) => {
    const known = plans.get(type);
    const plan = known ?? { folds: [], reads: new Set<CompiledAggregate>(), rules: [] };
    if (known === undefined) plans.set(type, plan);
    return plan;
  };
  // Rule by rule: to ask of each type which rules are on it would be types x rules x types.
  for (const aggregate of aggregates.values())
    for (const type of new Set(aggregate.on)) planOf(type).folds.push(aggregate);
  for (const rule of rules) {
    const needed = rule.aggregates.flatMap((name) => aggregates.get(name) ?? []);
    for (const type of new Set(rule.on)) {
      const plan = planOf(type);
      plan.rules.push(rule);
      for (const aggregate of needed) plan.reads.add(aggregate);
    }
    yield;
  }
  return new Map([...plans].map(([type, { reads, ...plan }]) => [type, { ...plan, reads: [...reads] }]));
}
