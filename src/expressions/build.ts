import { buildAccess, buildHas } from './build-access.js';
import { buildCall } from './build-call.js';
import { buildList, buildLiteral, buildMap } from './build-literals.js';
import { buildMacro } from './build-macros.js';
import { buildBinary, buildConditional, buildLogic, buildUnary } from './build-operators.js';
import { constant, refuse, type Builder, type Built, Scope } from './built.js';
import { TYPES } from './functions/conversions.js';
import { macroOf } from './macros.js';
import { MAX_DEPTH, NESTED_TOO_DEEPLY, offsetOf, type ASTNode } from './parse.js';
import type { PatternQuota } from './pattern.js';
import { TypeValue } from './runtime-value.js';
import type { Type } from './type.js';

/** Makes closures of a parsed expression, checking it on the way. */
export class ExpressionBuilder implements Builder {
  readonly names: ReadonlySet<string>;
  private depth = 0;

  constructor(
    readonly variables: ReadonlyMap<string, Type>,
    readonly patterns: PatternQuota,
  ) {
    this.names = new Set(variables.keys());
  }

  build(node: ASTNode, scope: Scope = Scope.OUTERMOST): Built {
    if (++this.depth > MAX_DEPTH) refuse(NESTED_TOO_DEEPLY, node);
    const built = this.buildNode(node, scope);
    this.depth--;
    return built;
  }

  private buildNode(node: ASTNode, scope: Scope): Built {
    switch (node.op) {
      case 'value':
        return buildLiteral(node);
      case 'id':
        return this.buildName(node, scope);
      case '.':
      case '.?':
      case '[]':
      case '[?]':
        return typeNamed(node, scope) ?? buildAccess(this, node, scope);
      case 'call':
        if (node.args[0] === 'has' && node.args[1].length === 1)
          return buildHas(this, node, node.args[1][0]!, scope);
        return buildCall(this, node, scope);
      case 'rcall': {
        const macro = macroOf(node);
        return macro === undefined ? buildCall(this, node, scope) : buildMacro(this, node, macro, scope);
      }
      case 'list':
        return buildList(this, node, scope);
      case 'map':
        return buildMap(this, node, scope);
      case '?:':
        return buildConditional(this, node, scope);
      case '&&':
      case '||':
        return buildLogic(this, node, scope);
      case '!_':
      case '-_':
        return buildUnary(this, node, scope);
      default:
        return buildBinary(this, node, scope);
    }
  }

  private buildName(node: Extract<ASTNode, { op: 'id' }>, scope: Scope): Built {
    const name = node.args;
    const offset = offsetOf(node);
    const local = scope.find(name);
    if (local !== undefined) {
      const { type, slot } = local;
      return { type, run: (frame) => frame.locals[slot], steps: 1, offset };
    }
    const type = this.variables.get(name);
    if (type !== undefined) return { type, run: (frame) => frame.context[name], steps: 1, offset };
    if (TYPES.includes(name)) return constant({ kind: 'type' }, new TypeValue(name), offset);
    return refuse(`Unknown variable: ${name}`, node);
  }
}

/** `google.protobuf.Timestamp`: the one kind of name that has dots. */
function typeNamed(node: ASTNode, scope: Scope): Built | undefined {
  const name = dotted(node);
  if (name === undefined || !TYPES.includes(name) || scope.find('google') !== undefined) return undefined;
  return constant({ kind: 'type' }, new TypeValue(name), offsetOf(node));
}

function dotted(node: ASTNode): string | undefined {
  if (node.op === 'id') return node.args;
  const before = node.op === '.' ? dotted(node.args[0]) : undefined;
  return before && `${before}.${(node.args as [ASTNode, string])[1]}`;
}
