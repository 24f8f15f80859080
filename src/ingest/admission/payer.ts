/**
 * Whom requests count against: a tenant, by its id, or an operator, whose requests do not count against the tenant that
 * it looks at. The space keeps the two apart: no tenant's id has one.
 */
const OPERATOR = 'operator ';

/** The payer of an operator's requests. */
export function operatorPayer(subject: string): string {
  return `${OPERATOR}${subject}`;
}

/** Whether a payer is an operator. */
export function isOperator(payer: string): boolean {
  return payer.startsWith(OPERATOR);
}

/** A payer in a message, at its beginning. */
export function named(payer: string): string {
  return isOperator(payer) ? 'This operator' : `Tenant ${payer}`;
}
