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

/** Everything the expression refers to, each path once, in the order of the text. */
export function referencesIn(ast: ASTNode, variables: Known): Reference[] {
  const found = new Map<string, Reference>();
  collect(ast, false, variables, found);
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

function collect(node: ASTNode, tested: boolean, variables: Known, found: Map<string, Reference>): void {
  const path = pathOf(node, variables);
  const macro = path === undefined ? macroOf(node) : undefined;
  if (path !== undefined) {
    const isTested = tested || isOptional(node);
    add({ path, text: textOf(path), tested: isTested, offset: firstKeyOf(node) }, found);
  } else if (macro !== undefined) {
    collect(macro.range, tested, variables, found);
    const own = new Set(macro.variables.map(({ args }) => args));
    const others = new Set([...variables].filter((name) => !own.has(name)));
    for (const body of macro.bodies) collect(body, tested, others, found);
  } else if (node.op === 'call' && node.args[0] === 'has') collectAll(node.args[1], true, variables, found);
  else if (node.op !== 'value') collectAll(node.args, tested, variables, found);
}

/** Operands are nodes, names, and lists of both: whatever is not a node refers to nothing. */
function collectAll(
  operands: unknown,
  tested: boolean,
  variables: Known,
  found: Map<string, Reference>,
): void {
  if (Array.isArray(operands)) for (const each of operands) collectAll(each, tested, variables, found);
  else if (isNode(operands)) collect(operands, tested, variables, found);
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
