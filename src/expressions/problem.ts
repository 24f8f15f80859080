/** Why an expression is refused, and where. */
export interface ExpressionProblem {
  readonly message: string;
  /** Where in the expression, in UTF-16 units from its start. */
  readonly offset: number;
}

/** Thrown while an expression is compiled; {@link compileExpression} gives it as an {@link ExpressionProblem}. */
export class ExpressionRefused extends Error {
  constructor(
    message: string,
    readonly offset: number,
  ) {
    super(message);
  }
}
