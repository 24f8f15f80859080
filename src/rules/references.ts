import type { ASTNode } from '@marcbachmann/cel-js';

/** A value an expression refers to: `event.data.minutes`, `profile["first name"]`, `aggregates.late`. */
export interface Reference {
  /** As people write it, for reasons. */
  readonly text: string;
  /** The variable and the keys below it. */
  readonly path: readonly [string, ...(string | number)[]];
  /** True inside `has(…)`: that it is missing says something then. */
  readonly tested: boolean;
  /** Where the first key stands in the expression; of the variable itself if there is none. */
  readonly offset: number;
}

const VARIABLES: ReadonlySet<string> = new Set(['event', 'profile', 'aggregates']);

/** Everything the expression refers to, each path once, in the order of the text. */
export function referencesIn(ast: ASTNode): Reference[] {
  const found = new Map<string, Reference>();
  collect(ast, false, found);
  return [...found.values()];
}

/** The path a node spells out (`profile.seats`), or undefined where it is computed. */
export function pathOf(node: ASTNode): Reference['path'] | undefined {
  if (node.op === 'id') return VARIABLES.has(node.args) ? [node.args] : undefined;
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const path = pathOf(node.args[0]);
  const key = path && keyOf(node);
  return key === undefined ? undefined : [...path!, key];
}

/** A path as people write it. */
export function textOf(path: Reference['path']): string {
  const [variable, ...keys] = path;
  const steps = keys.map((key) =>
    typeof key === 'string' && /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
  );
  return variable + steps.join('');
}

function keyOf(node: ASTNode): string | number | undefined {
  if (node.op === '.') return node.args[1];
  if (node.op !== '[]' || node.args[1].op !== 'value') return undefined;
  const key = node.args[1].args;
  if (typeof key === 'bigint') return Number(key);
  return typeof key === 'string' ? key : undefined;
}

function collect(node: ASTNode, tested: boolean, found: Map<string, Reference>): void {
  const path = pathOf(node);
  if (path !== undefined) add({ path, text: textOf(path), tested, offset: offsetOf(node) }, found);
  else if (node.op === 'call' && node.args[0] === 'has') collectAll(node.args[1], true, found);
  else if (node.op !== 'value') collectAll(node.args, tested, found);
}

/** Operands are nodes, names, and lists of both: whatever is not a node refers to nothing. */
function collectAll(operands: unknown, tested: boolean, found: Map<string, Reference>): void {
  if (Array.isArray(operands)) for (const each of operands) collectAll(each, tested, found);
  else if (isNode(operands)) collect(operands, tested, found);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value;
}

function add(reference: Reference, found: Map<string, Reference>): void {
  const known = found.get(reference.text);
  if (known === undefined) found.set(reference.text, reference);
  else if (reference.tested && !known.tested) found.set(reference.text, { ...known, tested: true });
}

/** Finds where the first key stands by walking down to the node right above the variable. */
function offsetOf(node: ASTNode): number {
  if (node.op !== '.' && node.op !== '[]') return node.range.start;
  if (node.args[0].op !== 'id') return offsetOf(node.args[0]);
  return node.op === '.' ? node.range.end - node.args[1].length : node.args[1].range.start;
}
