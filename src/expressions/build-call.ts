import { Budget } from './budget.js';
import { constant, refuse, stepsOf, type Builder, type Built, type Run, type Scope } from './built.js';
import { BudgetExceeded, Fault, faultOf, noOverload } from './fault.js';
import { Frame } from './frame.js';
import { overloadsOf } from './functions/index.js';
import { fitted, paramAt, takes, type Overload } from './functions/overload.js';
import { offsetOf, type ASTNode } from './parse.js';
import { Pattern } from './pattern.js';
import { kindOf } from './runtime-value.js';
import { DYN, either, mayBe } from './type.js';

/** Functions whose literal arguments are read when the expression is compiled: what cannot be read is refused then. */
const READ_AT_ONCE: ReadonlySet<string> = new Set(['timestamp', 'duration']);

/** Steps of calling a function, without what depends on its arguments. */
const CALL_STEPS = 8;

/** Words that stand before a function's name: `math.ceil(x)`. */
const NAMESPACES: ReadonlySet<string> = new Set(['math', 'optional', 'strings', 'base64']);

/** Builds a call of a function; macros are built elsewhere. */
export function buildCall(
  builder: Builder,
  node: Extract<ASTNode, { op: 'call' | 'rcall' }>,
  scope: Scope,
): Built {
  const { name, isMember, argumentNodes } = callOf(node, builder, scope);
  const args = argumentNodes.map((each) => builder.build(each, scope));
  const overloads = overloadsOf(name, isMember);
  if (overloads.length === 0) refuse(unknownFunction(name, isMember), node);
  const fitting = overloads.filter(
    (overload) =>
      takes(overload, args.length) && args.every((arg, i) => mayBe(arg.type.kind, paramAt(overload, i))),
  );
  if (fitting.length === 0)
    refuse(
      `no such overload: ${shown(
        name,
        isMember,
        args.map(({ type }) => type.kind),
      )}`,
      node,
    );
  const steps = CALL_STEPS + stepsOf(...args);
  const offset = offsetOf(node);
  const type = fitting.map(({ result }) => result).reduce(either) ?? DYN;
  const pattern = name === 'matches' ? args[1]?.constant?.value : undefined;
  const run =
    typeof pattern === 'string' ? matching(builder, args, pattern) : calling(name, isMember, fitting, args);
  const isConstant = args.every((arg) => arg.constant !== undefined);
  const value = isConstant ? evaluated(run) : undefined;
  if (value instanceof Fault && READ_AT_ONCE.has(name)) refuse(value.error!, args[0]!);
  return value === undefined ? { type, run, steps, offset } : constant(type, value, offset);
}

function callOf(node: Extract<ASTNode, { op: 'call' | 'rcall' }>, builder: Builder, scope: Scope) {
  if (node.op === 'call') return { name: node.args[0], isMember: false, argumentNodes: node.args[1] };
  const [name, receiver, args] = node.args;
  const isNamespace =
    receiver.op === 'id' &&
    NAMESPACES.has(receiver.args) &&
    scope.find(receiver.args) === undefined &&
    !builder.names.has(receiver.args);
  if (isNamespace) return { name: `${receiver.args}.${name}`, isMember: false, argumentNodes: args };
  return { name, isMember: true, argumentNodes: [receiver, ...args] };
}

function unknownFunction(name: string, isMember: boolean): string {
  const other = overloadsOf(name, !isMember).length > 0;
  if (!other) return `there is no function ${name}()`;
  return isMember ? `${name}() is written ${name}(x)` : `${name}() is written x.${name}()`;
}

function shown(name: string, isMember: boolean, kinds: readonly string[]): string {
  return isMember ? `${kinds[0]}.${name}(${kinds.slice(1).join(', ')})` : `${name}(${kinds.join(', ')})`;
}

/** Steps of working out what needs no event, when an expression is compiled. */
const CONSTANT_STEPS = 1000;

/** A value that needs no event is worked out once; undefined if that would take too long. */
function evaluated(run: Run): unknown {
  const budget = new Budget(CONSTANT_STEPS);
  try {
    return run(new Frame({}, budget, budget.limit));
  } catch (error) {
    if (error instanceof BudgetExceeded) return undefined;
    throw error;
  }
}

function calling(
  name: string,
  isMember: boolean,
  overloads: readonly Overload[],
  args: readonly Built[],
): Run {
  const runs = args.map(({ run }) => run);
  return (frame) => {
    const values: unknown[] = [];
    let fault: Fault | undefined;
    for (const run of runs) {
      const value = run(frame);
      if (value instanceof Fault) fault = faultOf(fault, value);
      values.push(value);
    }
    if (fault !== undefined) return fault;
    for (const isKind of [false, true])
      for (const overload of overloads) {
        const given = fitted(overload, values, isKind);
        if (given !== undefined) return overload.apply(given, frame);
      }
    return noOverload(shown(name, isMember, values.map(kindOf)));
  };
}

/** `text.matches("pattern")`: the pattern is compiled, or refused, now. */
function matching(builder: Builder, [text, pattern]: readonly Built[], source: string): Run {
  if (!builder.patterns.take(source))
    refuse('the regular expressions of the file are too large together', pattern!);
  const compiled = Pattern.compile(source);
  if (typeof compiled === 'string') return refuse(`matches(): ${compiled}`, pattern!);
  const { run } = text!;
  return (frame) => {
    const value = run(frame);
    if (typeof value === 'string') return compiled.isIn(value, frame);
    return value instanceof Fault ? value : noOverload(`${kindOf(value)}.matches(string)`);
  };
}
