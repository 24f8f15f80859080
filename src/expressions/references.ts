import { macroOf } from './macros.js';
import type { ASTNode } from './parse.js';

/** A value an expression refers to: `event.data.minutes`, `profile["first name"]`, `aggregates.late`. */
export interface Reference {
  /** As people write it, for reasons. */
  readonly text: string;
  /** The variable and the keys below it. */
  readonly path: readonly [string, ...(string | number)[]];
  /** True inside `has(…)` and where it is optional (`event.?data`): that it is missing says something then. */
  readonly tested: boolean;
  /** Where the first key stands in the expression; of the variable itself if there is none. */
  readonly offset: number;
}

/** Names that a place of the expression knows as variables of the context. */
type Known = ReadonlySet<string>;

/** A part of the expression that is still to be looked at. */
interface Waiting {
  /** Operands are nodes, names, and lists of both: whatever is not a node refers to nothing. */
  readonly part: unknown;
  readonly tested: boolean;
  readonly variables: Known;
}

/** Everything the expression refers to, each path once, in the order of the text. */
export function referencesIn(ast: ASTNode, variables: Known): Reference[] {
  const found = new Map<string, Reference>();
  // No recursion: a generated chain of thousands of `||` is as deep as it is long.
  const waiting: Waiting[] = [{ part: ast, tested: false, variables }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    waiting.push(...partsOf(next, found).reverse());
  return [...found.values()];
}

/** The path a node spells out (`profile.seats`), or undefined where it is computed. */
export function pathOf(node: ASTNode, variables: Known): Reference['path'] | undefined {
  if (node.op === 'id') return variables.has(node.args) ? [node.args] : undefined;
  const key = keyOf(node);
  const path = key === undefined ? undefined : pathOf((node.args as [ASTNode])[0], variables);
  return path && [...path, key!];
}

/** A path as people write it. */
export function textOf(path: readonly (string | number)[]): string {
  const [variable, ...keys] = path;
  const steps = keys.map((key) =>
    typeof key === 'string' && /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
  );
  return variable + steps.join('');
}

/** The key that a node selects, where it is written out. */
function keyOf(node: ASTNode): string | number | undefined {
  if (node.op === '.' || node.op === '.?') return node.args[1];
  if ((node.op !== '[]' && node.op !== '[?]') || node.args[1].op !== 'value') return undefined;
  const key = node.args[1].args;
  if (typeof key === 'bigint') return Number(key);
  return typeof key === 'string' ? key : undefined;
}

/** Notes what a part refers to itself, and gives the parts below that do. */
function partsOf({ part, tested, variables }: Waiting, found: Map<string, Reference>): Waiting[] {
  if (Array.isArray(part)) return part.map((each: unknown) => ({ part: each, tested, variables }));
  if (!isNode(part) || part.op === 'value') return [];
  const path = pathOf(part, variables);
  if (path !== undefined) {
    const isTested = tested || isOptional(part);
    add({ path, text: textOf(path), tested: isTested, offset: firstKeyOf(part) }, found);
    return [];
  }
  const macro = macroOf(part);
  if (macro === undefined) {
    const isHas = part.op === 'call' && part.args[0] === 'has';
    return [{ part: part.args, tested: tested || isHas, variables }];
  }
  const own = new Set(macro.variables.map(({ args }) => args));
  const others = new Set([...variables].filter((name) => !own.has(name)));
  return [
    { part: macro.range, tested, variables },
    ...macro.bodies.map((body) => ({ part: body, tested, variables: others })),
  ];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value;
}

function isOptional(node: ASTNode): boolean {
  if (node.op === '.?' || node.op === '[?]') return true;
  return (node.op === '.' || node.op === '[]') && isOptional(node.args[0]);
}

function add(reference: Reference, found: Map<string, Reference>): void {
  const known = found.get(reference.text);
  if (known === undefined) found.set(reference.text, reference);
  else if (reference.tested && !known.tested) found.set(reference.text, { ...known, tested: true });
}

/** Finds where the first key stands by walking down to the node right above the variable. */
function firstKeyOf(node: ASTNode): number {
  if (node.op === '.' || node.op === '.?')
    return node.args[0].op === 'id' ? node.range.end - node.args[1].length : firstKeyOf(node.args[0]);
  if (node.op === '[]' || node.op === '[?]')
    return node.args[0].op === 'id' ? node.args[1].range.start : firstKeyOf(node.args[0]);
  return node.range.start;
}
