import { Environment, type ASTNode } from '@marcbachmann/cel-js';
import { UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { messageOf } from '../errors.js';
import { ExpressionRefused } from './problem.js';

export { UnsignedInt, type ASTNode };

/** How deep operators and calls may stand in each other; each level is a call when the expression runs. */
export const MAX_DEPTH = 500;

/** What is said of one that is nested more deeply. */
export const NESTED_TOO_DEEPLY = `the expression is nested more than ${MAX_DEPTH} deep`;

/** Only its parser is used: what expressions mean is decided here, see ARCHITECTURE.md. */
const parser = new Environment({ enableOptionalTypes: true });

/**
 * Parses CEL.
 * @throws ExpressionRefused it is not CEL, or syntax that is not taken: messages, `[?x]` in literals, names in backticks
 */
export function parse(source: string): ASTNode {
  try {
    return parser.parse(source).ast;
  } catch (error) {
    // How deep the parser gets depends on the version of Node; it is further than is taken.
    if (error instanceof RangeError) throw new ExpressionRefused(NESTED_TOO_DEEPLY, 0);
    const { summary, range } = error as { summary?: string; range?: { start: number } };
    throw new ExpressionRefused(hinted(summary ?? messageOf(error)), range?.start ?? 0);
  }
}

/** Operators that are written twice. */
function hinted(message: string): string {
  const [, operator] = /^Unexpected character: '?([=&|])'?$/.exec(message) ?? [];
  return operator === undefined ? message : `${message}; did you mean "${operator}${operator}"?`;
}

/** Where a node begins, in UTF-16 units from the start of the expression. */
export function offsetOf(node: ASTNode): number {
  return node.range.start;
}
