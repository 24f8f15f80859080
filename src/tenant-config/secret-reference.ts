/** How a value begins that stands for a variable of the worker's environment. */
const REFERENCE = 'env:';

/** How a variable has to begin that tenants' files may refer to: nothing else of the environment is theirs. */
export const SECRET_PREFIX = 'HEADGATE_SECRET_';

const VARIABLE = `${SECRET_PREFIX}[A-Za-z0-9_]+`;
/** Pattern of a secret: a reference, or a literal one. */
export const SECRET = `^(${REFERENCE}${VARIABLE}|wh(sec|sk)_[A-Za-z0-9+/]{16,128}={0,2})$`;
/** Pattern of a value that may be a reference. */
export const VALUE = `^(?!${REFERENCE})|^${REFERENCE}${VARIABLE}$`;

/** The variable that a value refers to; undefined for a value that stands for itself. Whether it may be referred to is another matter. */
export function variableOf(value: string): string | undefined {
  return value.startsWith(REFERENCE) ? value.slice(REFERENCE.length) : undefined;
}
