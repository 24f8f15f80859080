import type { ASTNode } from './parse.js';

/** A call that brings variables of its own: `event.data.legs.all(leg, leg.minutes > 3)`. */
export interface Macro {
  readonly name: string;
  /** What it runs over, or the value of `cel.bind`. */
  readonly range: ASTNode;
  readonly variables: readonly ASTNode[];
  /** What it runs, in which the variables are known. */
  readonly bodies: readonly ASTNode[];
}

/** By name: how many arguments there are with one variable, and with two. */
const FORMS: Readonly<Record<string, readonly (readonly [variables: number, bodies: number])[]>> = {
  all: [
    [1, 1],
    [2, 1],
  ],
  exists: [
    [1, 1],
    [2, 1],
  ],
  exists_one: [[1, 1]],
  existsOne: [
    [1, 1],
    [2, 1],
  ],
  filter: [[1, 1]],
  map: [
    [1, 1],
    [1, 2],
  ],
  optFlatMap: [[1, 1]],
  optMap: [[1, 1]],
  transformList: [
    [2, 1],
    [2, 2],
  ],
  transformMap: [
    [2, 1],
    [2, 2],
  ],
  transformMapEntry: [
    [2, 1],
    [2, 2],
  ],
};

/** How macros are written, for the documentation: `list.all(x, condition)`. */
export const MACRO_NAMES: readonly string[] = ['cel.bind', 'has', ...Object.keys(FORMS)];

/** The macro that a node calls; undefined if it calls none. */
export function macroOf(node: ASTNode): Macro | undefined {
  if (node.op !== 'rcall') return undefined;
  const [name, receiver, args] = node.args;
  if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel' && args.length === 3)
    return { name, variables: [args[0]!], range: args[1]!, bodies: [args[2]!] };
  const forms = Object.hasOwn(FORMS, name) ? FORMS[name]! : [];
  // Of `map(x, filter, value)` and `all(key, value, condition)` the first has one variable.
  const form = forms.find(([variables, bodies]) => variables + bodies === args.length);
  if (form === undefined) return undefined;
  return { name, range: receiver, variables: args.slice(0, form[0]), bodies: args.slice(form[0]) };
}
