import { addEntry } from './build-literals.js';
import { refuse, stepsOf, type Builder, type Built, type Run, type Scope } from './built.js';
import { Fault, faultOf, noOverload } from './fault.js';
import type { Frame } from './frame.js';
import type { Macro } from './macros.js';
import { offsetOf, type ASTNode } from './parse.js';
import { CelMap, KEY_STEPS, Optional, isMap, keysOf, kindOf, lookUp } from './runtime-value.js';
import { BOOL, DYN, mayBe, type Type } from './type.js';

/** One macro's parts, built. */
interface Loop {
  readonly range: Run;
  readonly bodies: readonly Built[];
  /** Where the variables are among the frame's locals. */
  readonly slots: readonly number[];
}

/** What is done in each round; anything but undefined ends the loop with that. */
type Round = (frame: Frame) => unknown;

/** Builds a macro. */
export function buildMacro(builder: Builder, node: ASTNode, macro: Macro, scope: Scope): Built {
  const range = builder.build(macro.range, scope);
  const { kind } = range.type;
  const types = variableTypes(range.type, macro);
  let inner = scope;
  const slots = macro.variables.map((variable, i) => {
    if (variable.op !== 'id') refuse(`${macro.name}() takes the name of a variable here`, variable);
    inner = inner.with(variable.args as string, types[i] ?? DYN);
    return inner.slot;
  });
  const bodies = macro.bodies.map((body) => builder.build(body, inner));
  const offset = offsetOf(node);
  const loop: Loop = { range: range.run, bodies, slots };
  const steps = stepsOf(range);
  if (macro.name === 'bind')
    return { type: bodies[0]!.type, run: binding(loop), steps: steps + bodies[0]!.steps, offset };
  const isOptional = macro.name.startsWith('opt');
  const over = isOptional ? ['optional_type', 'dyn'] : ['list', 'map', 'dyn'];
  if (!over.includes(kind)) refuse(`no such overload: ${kind}.${macro.name}()`, node);
  if (isOptional) {
    const of = macro.name === 'optMap' ? bodies[0]!.type : undefined;
    const run = overOptional(loop, macro.name === 'optFlatMap');
    return { type: { kind: 'optional_type', of }, run, steps: steps + bodies[0]!.steps, offset };
  }
  checkConditions(macro, bodies);
  return { ...KINDS[macro.name]!(loop), steps, offset };
}

function variableTypes(range: Type, { name, variables }: Macro): Type[] {
  if (name === 'bind') return [range];
  const of = range.of ?? DYN;
  if (range.kind === 'optional_type') return [of];
  if (range.kind === 'list') return variables.length === 1 ? [of] : [{ kind: 'int' }, of];
  return range.kind === 'map' && variables.length === 2 ? [DYN, of] : [];
}

/** Conditions must be able to give true or false. */
function checkConditions({ name, bodies: nodes }: Macro, bodies: readonly Built[]): void {
  const isTransform = name === 'map' || name.startsWith('transform');
  const condition = isTransform && bodies.length === 1 ? undefined : bodies[0];
  if (condition !== undefined && !mayBe(condition.type.kind, 'bool'))
    refuse(`${name}() needs a condition, and this gives ${condition.type.kind}`, nodes[0]!);
}

/** `cel.bind(name, value, expression)`: a value that fails does so where it is used. */
function binding({ range, bodies, slots }: Loop): Run {
  const [body, slot] = [bodies[0]!.run, slots[0]!];
  return (frame) => {
    frame.locals[slot] = range(frame);
    return body(frame);
  };
}

function overOptional({ range, bodies, slots }: Loop, isFlat: boolean): Run {
  const [body, slot] = [bodies[0]!.run, slots[0]!];
  return (frame) => {
    const value = range(frame);
    if (!(value instanceof Optional)) return faultOf(value) ?? noOverload(`${kindOf(value)}.optMap()`);
    if (value.value === undefined) return Optional.NONE;
    frame.locals[slot] = value.value;
    const result = body(frame);
    return isFlat || result instanceof Fault ? result : new Optional(result);
  };
}

/** Runs a round for each element or entry; each is paid for before it runs. */
function each({ range, bodies, slots }: Loop, frame: Frame, round: Round): unknown {
  const over = range(frame);
  const isList = Array.isArray(over);
  if (!isList && !isMap(over)) return over instanceof Fault ? over : noOverload(`${kindOf(over)} in a macro`);
  const [first, second] = slots as [number, number?];
  const steps = bodies.reduce((sum, body) => sum + body.steps, 2);
  const keys = isList ? over : keysOf(over);
  if (!isList) frame.charge(keys.length * KEY_STEPS);
  for (let i = 0; i < keys.length; i++) {
    frame.charge(steps);
    const key: unknown = keys[i];
    if (second === undefined) frame.locals[first] = key;
    else {
      frame.locals[first] = isList ? BigInt(i) : key;
      frame.locals[second] = isList ? key : lookUp(over, key);
    }
    const end = round(frame);
    if (end !== undefined) return end;
  }
  return undefined;
}

/** Whether a condition holds; a fault if it says neither. */
function holds(condition: Built, frame: Frame): boolean | Fault {
  const value = condition.run(frame);
  if (typeof value === 'boolean') return value;
  return value instanceof Fault ? value : noOverload(`a condition that gives ${kindOf(value)}`);
}

type Kinds = Readonly<Record<string, (loop: Loop) => { readonly type: Type; readonly run: Run }>>;

const KINDS: Kinds = {
  all: (loop) => ({ type: BOOL, run: quantifier(loop, false) }),
  exists: (loop) => ({ type: BOOL, run: quantifier(loop, true) }),
  exists_one: (loop) => ({ type: BOOL, run: existsOne(loop) }),
  existsOne: (loop) => ({ type: BOOL, run: existsOne(loop) }),
  filter: (loop) => ({ type: { kind: 'list' }, run: filter(loop) }),
  map: (loop) => ({ type: { kind: 'list', of: loop.bodies.at(-1)!.type }, run: transformList(loop) }),
  transformList: (loop) => ({
    type: { kind: 'list', of: loop.bodies.at(-1)!.type },
    run: transformList(loop),
  }),
  transformMap: (loop) => ({ type: { kind: 'map', of: loop.bodies.at(-1)!.type }, run: transformMap(loop) }),
  transformMapEntry: (loop) => ({ type: { kind: 'map' }, run: transformEntries(loop) }),
};

/** `all` ends with the first false, `exists` with the first true; elsewhere a fault counts only at the end. */
function quantifier(loop: Loop, decisive: boolean): Run {
  const condition = loop.bodies[0]!;
  return (frame) => {
    let fault: Fault | undefined;
    const end = each(loop, frame, (at) => {
      const value = holds(condition, at);
      if (value === decisive) return decisive;
      if (value instanceof Fault) fault ??= value;
      return undefined;
    });
    return end ?? fault ?? !decisive;
  };
}

function existsOne(loop: Loop): Run {
  const condition = loop.bodies[0]!;
  return (frame) => {
    let count = 0;
    const end = each(loop, frame, (at) => {
      const value = holds(condition, at);
      if (value instanceof Fault) return value;
      if (value) count++;
      return undefined;
    });
    return end ?? count === 1;
  };
}

function filter(loop: Loop): Run {
  const condition = loop.bodies[0]!;
  const slot = loop.slots[0]!;
  return (frame) => {
    const kept: unknown[] = [];
    const end = each(loop, frame, (at) => {
      const value = holds(condition, at);
      if (value instanceof Fault) return value;
      if (value) kept.push(at.locals[slot]);
      return undefined;
    });
    return end ?? kept;
  };
}

/** Runs a round for what the first of two bodies lets through, and gives the last one's value to `take`. */
function transform(loop: Loop, frame: Frame, take: (value: unknown, at: Frame) => unknown): unknown {
  const value = loop.bodies.at(-1)!;
  const condition = loop.bodies.length === 2 ? loop.bodies[0]! : undefined;
  return each(loop, frame, (at) => {
    const isKept = condition === undefined || holds(condition, at);
    if (isKept !== true) return isKept === false ? undefined : isKept;
    const result = value.run(at);
    return result instanceof Fault ? result : take(result, at);
  });
}

function transformList(loop: Loop): Run {
  return (frame) => {
    const list: unknown[] = [];
    return transform(loop, frame, (value) => void list.push(value)) ?? list;
  };
}

function transformMap(loop: Loop): Run {
  const slot = loop.slots[0]!;
  return (frame) => {
    const map = new CelMap();
    const take = (value: unknown, at: Frame) => {
      at.charge(KEY_STEPS);
      return addEntry(map, at.locals[slot], value);
    };
    return transform(loop, frame, take) ?? map;
  };
}

function transformEntries(loop: Loop): Run {
  return (frame) => {
    const map = new CelMap();
    const end = transform(loop, frame, (value, at) => {
      if (!isMap(value)) return noOverload(`an entry that is ${kindOf(value)}`);
      const keys = keysOf(value);
      at.charge(keys.length * KEY_STEPS);
      return keys.map((key) => addEntry(map, key, lookUp(value, key))).find((fault) => fault !== undefined);
    });
    return end ?? map;
  };
}
