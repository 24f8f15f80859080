import { DERIVED_PREFIX } from '../events/delivered-event.js';
import { allAtOnce, type Steps } from '../platform/event-loop-turns.js';
import { compileExpression } from '../expressions/compile.js';
import type { CompiledExpression } from '../expressions/expression.js';
import { PatternQuota } from '../expressions/pattern.js';
import type { RouteConfig } from './route-config.js';
import type { CompiledRoute, CompiledRoutes, TypePattern } from './compiled.js';

/** What is wrong with a tenant's subscriptions or routes, and where. */
interface RouteIssue {
  /** Where in the configuration, such as `['routes', 0, 'match', 'when']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Where in the expression, in UTF-16 units from its start. */
  readonly offset?: number;
}

/** What routes know of a subscription: its name, and its templates, whose names are those of the configuration. */
interface RoutedSubscription extends Readonly<Partial<Record<(typeof TEMPLATES)[number], string>>> {
  readonly name: string;
}

const TEMPLATES = ['orderingKey', 'workflow', 'taskQueue', 'id', 'signal'] as const;

/** The part of a tenant's configuration that routes are made of. */
export interface RoutesConfig {
  readonly subscriptions: readonly RoutedSubscription[];
  readonly routes: readonly RouteConfig[];
}

/** Compiles what it can, and returns the problems beside it. */
export function compileRoutes(config: RoutesConfig): CheckedRoutes {
  return allAtOnce(compilingRoutes(config));
}

/** What could be compiled, and what could not. */
interface CheckedRoutes {
  readonly compiled: CompiledRoutes;
  readonly issues: RouteIssue[];
}

/** {@link compileRoutes}, in steps. */
export function* compilingRoutes(config: RoutesConfig): Steps<CheckedRoutes> {
  const patterns = new PatternQuota();
  const issues = [...nameIssues(config), ...expressionIssues(config, patterns)];
  const names = new Set(config.subscriptions.map(({ name }) => name));
  const routes: CompiledRoute[] = [];
  for (const [index, { match, to, priority }] of config.routes.entries()) {
    const path = ['routes', index];
    to.forEach((name, at) => {
      if (!names.has(name)) issues.push({ path: [...path, 'to', at], message: unknown(name, names) });
    });
    routes.push({
      index,
      to,
      type: patternOf(match.type ?? '*'),
      stream: match.stream,
      priority: match.priority,
      stage: match.stage,
      sets: priority,
      when: compile(match.when, 'bool', [...path, 'match', 'when'], { issues, patterns }),
    });
    yield;
  }
  return { compiled: { routes, derived: routes.some(({ type }) => matchesDerived(type)) }, issues };
}

/** True when a type fits; those of derived events only where the pattern says so itself. */
export function matchesType({ text, prefix }: TypePattern, type: string): boolean {
  if (!prefix) return type === text;
  return type.startsWith(text) && (!type.startsWith(DERIVED_PREFIX) || text.startsWith(DERIVED_PREFIX));
}

function matchesDerived({ text }: TypePattern): boolean {
  return text.startsWith(DERIVED_PREFIX);
}

function patternOf(type: string): TypePattern {
  return type.endsWith('*') ? { text: type.slice(0, -1), prefix: true } : { text: type, prefix: false };
}

function nameIssues({ subscriptions }: RoutesConfig): RouteIssue[] {
  const seen = new Set<string>();
  return subscriptions.flatMap(({ name }, index) => {
    const path = ['subscriptions', index, 'name'];
    if (seen.has(name)) return [{ path, message: `there is another subscription named "${name}"` }];
    seen.add(name);
    return [];
  });
}

/** The expressions in subscriptions: templates that must give text. */
function expressionIssues({ subscriptions }: RoutesConfig, patterns: PatternQuota): RouteIssue[] {
  const issues: RouteIssue[] = [];
  subscriptions.forEach((subscription, index) => {
    for (const key of TEMPLATES)
      compile(subscription[key], 'string', ['subscriptions', index, key], { issues, patterns });
  });
  return issues;
}

/** Compiles an expression and checks what it gives, as far as can be known. */
function compile(
  source: string | undefined,
  wanted: 'bool' | 'string',
  path: RouteIssue['path'],
  { issues, patterns }: { issues: RouteIssue[]; patterns: PatternQuota },
): CompiledExpression | undefined {
  if (source === undefined) return undefined;
  const { expression, problem } = compileExpression(source, 'event', patterns);
  if (problem !== undefined) {
    issues.push({ path, ...problem });
    return undefined;
  }
  const { type, offset } = expression;
  if (type === 'dyn' || type === wanted) return expression;
  const what = wanted === 'bool' ? 'true or false' : 'text';
  issues.push({ path, message: `the expression gives ${type}, but must give ${what}`, offset });
  return undefined;
}

function unknown(name: string, names: ReadonlySet<string>): string {
  const known = names.size === 0 ? 'there are none' : `there are ${[...names].join(', ')}`;
  return `there is no subscription named "${name}" (${known})`;
}
