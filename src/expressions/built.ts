import type { Frame } from './frame.js';
import type { ASTNode } from './parse.js';
import type { PatternQuota } from './pattern.js';
import { ExpressionRefused } from './problem.js';
import type { Type } from './type.js';

/** Evaluates a part of an expression; gives a Fault where it fails. */
export type Run = (frame: Frame) => unknown;

/** A part of an expression, ready to run. */
export interface Built {
  readonly type: Type;
  readonly run: Run;
  /** Steps of one evaluation, without what macros repeat and what depends on sizes. */
  readonly steps: number;
  /** Its value, where that is known already. */
  readonly constant?: { readonly value: unknown };
  /** Where it begins in the expression. */
  readonly offset: number;
}

/** Makes parts of an expression out of the parts below them. */
export interface Builder {
  /** The context's variables, as far as a scope does not hide them. */
  readonly variables: ReadonlyMap<string, Type>;
  readonly names: ReadonlySet<string>;
  /** What is left for patterns of the file that the expression is of. */
  readonly patterns: PatternQuota;
  /** @throws ExpressionRefused */
  build(node: ASTNode, scope: Scope): Built;
}

/** The variables of macros around a part of an expression. */
export class Scope {
  private constructor(
    private readonly outer: Scope | undefined,
    readonly name: string,
    readonly type: Type,
    /** Where its value is among a frame's locals. */
    readonly slot: number,
  ) {}

  static readonly OUTERMOST = new Scope(undefined, '', { kind: 'dyn' }, -1);

  /** A scope with one variable more. */
  with(name: string, type: Type): Scope {
    return new Scope(this, name, type, this.slot + 1);
  }

  /** The innermost variable of a name. */
  find(name: string): Scope | undefined {
    if (this.outer === undefined) return undefined;
    return this.name === name ? this : this.outer.find(name);
  }
}

/** Refuses the expression for what stands at a node. */
export function refuse(message: string, at: ASTNode | Built): never {
  throw new ExpressionRefused(message, 'range' in at ? at.range.start : at.offset);
}

/** A part whose value is known. */
export function constant(type: Type, value: unknown, offset: number): Built {
  return { type, run: () => value, steps: 1, constant: { value }, offset };
}

/** The steps of several parts together, and one more. */
export function stepsOf(...parts: readonly Built[]): number {
  return parts.reduce((sum, { steps }) => sum + steps, 1);
}
