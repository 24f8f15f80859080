import type { Environment, ParseResult } from '@marcbachmann/cel-js';
import { HeadgateError, messageOf } from '../errors.js';
import type { AggregateConfig, RuleConfig, TenantConfig } from '../tenant-config/tenant-config.js';
import type {
  CompiledAggregate,
  CompiledExpression,
  CompiledRule,
  CompiledRules,
  TypePlan,
} from './compiled.js';
import { aggregateDefinitionHash, ruleVersion } from './definition-hash.js';
import { createEnvironment } from './environment.js';
import { referencesIn, type Reference } from './references.js';

/** What is wrong with a tenant's rules, and where. */
export interface RuleIssue {
  /** Where in the configuration, such as `['rules', 0, 'when']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Where in the expression, in UTF-16 units from its start. */
  readonly offset?: number;
}

/** The part of a tenant's configuration that rules are made of. */
export type RulesConfig = Pick<TenantConfig, 'aggregates' | 'rules'>;

/**
 * Compiles a tenant's aggregates and rules, once per configuration.
 * @throws HeadgateError `TENANT_CONFIG_INVALID` with every problem found as `details.issues` (see {@link RuleIssue})
 */
export function compileRules(config: RulesConfig): CompiledRules {
  const { compiled, issues } = checkRules(config);
  if (issues.length === 0) return compiled;
  const lines = issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new HeadgateError('TENANT_CONFIG_INVALID', lines.join('\n'), { details: { issues } });
}

/** Compiles what it can, and returns the problems instead of throwing them. */
export function checkRules(config: RulesConfig): { compiled: CompiledRules; issues: RuleIssue[] } {
  const compiler = new Compiler(config);
  const aggregates = new Map<string, CompiledAggregate>();
  for (const [name, aggregate] of Object.entries(config.aggregates)) {
    const compiled = compiler.aggregate(name, aggregate);
    if (compiled !== undefined) aggregates.set(name, compiled);
  }
  const rules = config.rules.flatMap((rule, index) => compiler.rule(rule, index) ?? []);
  return { compiled: { aggregates, rules, byType: planTypes(aggregates, rules) }, issues: compiler.issues };
}

/** Compiles one configuration, noting problems as it goes. */
class Compiler {
  readonly issues: RuleIssue[] = [];
  private readonly ruleEnvironment = createEnvironment('rule');
  private readonly aggregateEnvironment = createEnvironment('aggregate');
  private readonly ruleNames = new Set<string>();

  constructor(private readonly config: RulesConfig) {}

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
    return { name, definition: aggregateDefinitionHash(config), on, op, windowMs, when, value };
  }

  rule(config: RuleConfig, index: number): CompiledRule | undefined {
    const path = ['rules', index];
    if (this.ruleNames.has(config.name)) {
      this.issue([...path, 'name'], `there is another rule named "${config.name}"`);
    }
    this.ruleNames.add(config.name);
    const when = this.expression(this.ruleEnvironment, config.when, [...path, 'when'], ['bool']);
    if (when === undefined) return undefined;
    const used = this.aggregatesUsed(when.references, [...path, 'when']);
    if (used === undefined) return undefined;
    const version = ruleVersion(config, this.config.aggregates, used);
    return { name: config.name, version, on: config.on, when, aggregates: used };
  }

  /** An aggregate's own expression. */
  private own(source: string | undefined, path: RuleIssue['path'], types?: readonly string[]) {
    return source === undefined ? undefined : this.expression(this.aggregateEnvironment, source, path, types);
  }

  /** Parses and checks an expression that must give one of `types` (any, if undefined). */
  private expression(
    environment: Environment,
    source: string,
    path: RuleIssue['path'],
    types?: readonly string[],
  ): CompiledExpression | undefined {
    let run: ParseResult;
    try {
      run = environment.parse(source);
    } catch (error) {
      return this.refuse(path, error);
    }
    const references = referencesIn(run.ast);
    const { valid, type, error } = run.check();
    if (!valid) return this.refuse(path, error);
    if (types === undefined || type === 'dyn' || types.includes(type!)) return { run, references };
    const wanted = types === NUMBERS ? 'a number' : 'true or false';
    return this.issue(path, `the expression gives ${type}, but must give ${wanted}`, run.ast.range.start);
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

  /** Notes an error of the CEL library in plain words. */
  private refuse(path: RuleIssue['path'], error: unknown): undefined {
    const { summary, range } = error as { summary?: string; range?: { start: number } };
    const message =
      summary === 'Unknown variable: aggregates'
        ? 'aggregates cannot be used in an aggregate: they are computed from events, not from each other'
        : (summary ?? messageOf(error));
    this.issue(path, message, range?.start);
  }

  private issue(path: RuleIssue['path'], message: string, offset?: number): undefined {
    this.issues.push(offset === undefined ? { path, message } : { path, message, offset });
  }
}

/** The types CEL's checker may infer for a number. */
const NUMBERS: readonly string[] = ['int', 'uint', 'double'];

function undeclared(name: string, declared: readonly string[]): string {
  const known = declared.length === 0 ? 'none is declared' : `declared are ${declared.join(', ')}`;
  return `there is no aggregate named "${name}" (${known})`;
}

/** Indexes aggregates and rules by event type, so that an event that concerns none costs one look-up. */
function planTypes(
  aggregates: ReadonlyMap<string, CompiledAggregate>,
  rules: readonly CompiledRule[],
): Map<string, TypePlan> {
  const types = new Set([...aggregates.values(), ...rules].flatMap(({ on }) => on));
  const plans = new Map<string, TypePlan>();
  for (const type of types) {
    const folds = [...aggregates.values()].filter(({ on }) => on.includes(type));
    const matching = rules.filter(({ on }) => on.includes(type));
    const needed = new Set(matching.flatMap((rule) => rule.aggregates));
    const reads = [...needed].flatMap((name) => aggregates.get(name) ?? []);
    plans.set(type, { folds, reads, rules: matching });
  }
  return plans;
}
