import { arithmeticType, calculate, negate, type Arithmetic } from './arithmetic.js';
import { constant, refuse, stepsOf, type Builder, type Built, type Run, type Scope } from './built.js';
import { equals, isIn, order, type Ordering } from './compare.js';
import { Fault, faultOf, noOverload } from './fault.js';
import { offsetOf, type ASTNode } from './parse.js';
import { mapKey, kindOf } from './runtime-value.js';
import { BOOL, DYN, either, isNumber, mayBe, mayEqual } from './type.js';

/** An operator of two operands, without `&&` and `||`. */
export type BinaryNode = Extract<ASTNode, { op: Arithmetic | Ordering | '==' | '!=' | 'in' }>;

const ORDERED = ['bool', 'bytes', 'duration', 'string', 'timestamp'];

/** Builds `a + b`, `a < b`, `a == b`, `a in b` and the like. */
export function buildBinary(builder: Builder, node: BinaryNode, scope: Scope): Built {
  const left = builder.build(node.args[0], scope);
  const right = builder.build(node.args[1], scope);
  const { op } = node;
  const [l, r] = [left.type.kind, right.type.kind];
  const unfit = (): never => refuse(`no such overload: ${l} ${op} ${r}`, node);
  const rest = { steps: stepsOf(left, right), offset: offsetOf(node) };
  switch (op) {
    case '==':
    case '!=':
      if (!mayEqual(l, r)) unfit();
      return { type: BOOL, run: equality(left, right, op === '=='), ...rest };
    case 'in':
      if (!['list', 'map', 'dyn'].includes(r)) unfit();
      return { type: BOOL, run: membership(left, right), ...rest };
    case '<':
    case '<=':
    case '>':
    case '>=':
      if (![l, r].every((kind) => kind === 'dyn' || isNumber(kind) || ORDERED.includes(kind))) unfit();
      if (l !== r && l !== 'dyn' && r !== 'dyn' && !(isNumber(l) && isNumber(r))) unfit();
      return { type: BOOL, run: ordering(op, left, right), ...rest };
    default: {
      const type = arithmeticType(op, left.type, right.type) ?? unfit();
      return { type, run: arithmetic(op, left.run, right.run), ...rest };
    }
  }
}

/** Comparisons of a number with a number written out are what most rules are made of. */
function ordering(op: Ordering, left: Built, right: Built): Run {
  const [l, r] = [left.run, right.run];
  const bound = right.constant && plainNumber(right.constant.value);
  if (bound !== undefined) {
    const value = right.constant!.value;
    const slow = (given: unknown, frame: Parameters<Run>[0]) => order(op, given, value, frame);
    if (op === '<')
      return (frame) => {
        const given = l(frame);
        return typeof given === 'number' ? given < bound : slow(given, frame);
      };
    if (op === '<=')
      return (frame) => {
        const given = l(frame);
        return typeof given === 'number' ? given <= bound : slow(given, frame);
      };
    if (op === '>')
      return (frame) => {
        const given = l(frame);
        return typeof given === 'number' ? given > bound : slow(given, frame);
      };
    return (frame) => {
      const given = l(frame);
      return typeof given === 'number' ? given >= bound : slow(given, frame);
    };
  }
  return (frame) => order(op, l(frame), r(frame), frame);
}

function equality(left: Built, right: Built, wanted: boolean): Run {
  const [l, r] = [left.run, right.run];
  const literal = right.constant?.value;
  const bound = right.constant && (typeof literal === 'string' ? literal : plainNumber(literal));
  const compare: Run = (frame) => {
    const [a, b] = [l(frame), r(frame)];
    return faultOf(a, b) ?? equals(a, b, frame) === wanted;
  };
  if (bound === undefined) return compare;
  return (frame) => {
    const given = l(frame);
    if (typeof given === typeof bound) return (given === bound) === wanted;
    return given instanceof Fault ? given : equals(given, literal, frame) === wanted;
  };
}

/** A number as a double, where that changes nothing; undefined otherwise. */
function plainNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
}

/** A list that is written out is looked up in, not gone through. */
function membership(left: Built, right: Built): Run {
  const [l, r] = [left.run, right.run];
  const list = right.constant?.value;
  const keys = Array.isArray(list) ? list.map(mapKey) : [undefined];
  if (keys.includes(undefined)) return (frame) => isIn(l(frame), r(frame), frame);
  const known = new Set(keys);
  return (frame) => {
    const value = l(frame);
    return value instanceof Fault ? value : known.has(mapKey(value));
  };
}

function arithmetic(op: Arithmetic, l: Run, r: Run): Run {
  if (op === '+')
    return (frame) => {
      const [a, b] = [l(frame), r(frame)];
      return typeof a === 'number' && typeof b === 'number' ? a + b : calculate('+', a, b, frame);
    };
  return (frame) => calculate(op, l(frame), r(frame), frame);
}

/** Builds `!a` and `-a`. */
export function buildUnary(
  builder: Builder,
  node: Extract<ASTNode, { op: '!_' | '-_' }>,
  scope: Scope,
): Built {
  const inner = node.args;
  // The smallest int cannot be written without its sign.
  if (node.op === '-_' && inner.op === 'value' && inner.args === 2n ** 63n)
    return constant({ kind: 'int' }, -(2n ** 63n), offsetOf(node));
  const operand = builder.build(inner, scope);
  const rest = { steps: stepsOf(operand), offset: offsetOf(node) };
  const { kind } = operand.type;
  if (node.op === '!_') {
    if (!mayBe(kind, 'bool')) refuse(`no such overload: !${kind}`, node);
    const run: Run = (frame) => {
      const value = operand.run(frame);
      if (typeof value === 'boolean') return !value;
      return value instanceof Fault ? value : noOverload(`!${kindOf(value)}`);
    };
    return { type: BOOL, run, ...rest };
  }
  if (!['int', 'double', 'dyn'].includes(kind)) refuse(`no such overload: -${kind}`, node);
  if (operand.constant !== undefined)
    return constant(operand.type, negate(operand.constant.value), rest.offset);
  return { type: operand.type, run: (frame) => negate(operand.run(frame)), ...rest };
}

/** Builds `a && b && c`, or with `||`: an operand that decides does so also where others fail. */
export function buildLogic(
  builder: Builder,
  node: Extract<ASTNode, { op: '&&' | '||' }>,
  scope: Scope,
): Built {
  const operands = flattened(node).map((each) => builder.build(each, scope));
  for (const { type } of operands)
    if (!mayBe(type.kind, 'bool'))
      refuse(`no such overload: ${operands.map((each) => each.type.kind).join(` ${node.op} `)}`, node);
  const runs = operands.map(({ run }) => run);
  const decisive = node.op === '||';
  const run: Run = (frame) => {
    let fault: Fault | undefined;
    for (let i = 0; i < runs.length; i++) {
      const value = runs[i]!(frame);
      if (value === decisive) return decisive;
      if (typeof value !== 'boolean') fault = faultOf(fault, notBoolean(value, node.op));
    }
    return fault ?? !decisive;
  };
  return { type: BOOL, run, steps: stepsOf(...operands), offset: offsetOf(node) };
}

function notBoolean(value: unknown, op: string): Fault {
  return value instanceof Fault ? value : noOverload(`${kindOf(value)} ${op} bool`);
}

/** The operands of a chain of one operator, without recursion: generated chains are long. */
function flattened(node: Extract<ASTNode, { op: '&&' | '||' }>): ASTNode[] {
  const operands: ASTNode[] = [];
  const waiting: ASTNode[] = [node];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.op === node.op) waiting.push(next.args[1], next.args[0]);
    else operands.push(next);
  }
  return operands;
}

/** Builds `condition ? a : b`. */
export function buildConditional(
  builder: Builder,
  node: Extract<ASTNode, { op: '?:' }>,
  scope: Scope,
): Built {
  const [condition, yes, no] = node.args.map((each) => builder.build(each, scope)) as [Built, Built, Built];
  if (!mayBe(condition.type.kind, 'bool')) refuse(`no such overload: ${condition.type.kind} ? _ : _`, node);
  const run: Run = (frame) => {
    const value = condition.run(frame);
    if (typeof value === 'boolean') return value ? yes.run(frame) : no.run(frame);
    return value instanceof Fault ? value : noOverload(`${kindOf(value)} ? _ : _`);
  };
  const type = either(yes.type, no.type);
  return { type: type ?? DYN, run, steps: stepsOf(condition, yes, no), offset: offsetOf(node) };
}
