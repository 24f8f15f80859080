/** How a value begins that stands for a variable of the worker's environment. */
const REFERENCE = 'env:';

/** How a variable has to begin that tenants' files may refer to: nothing else of the environment is theirs. */
export const SECRET_PREFIX = 'HEADGATE_SECRET_';

/** How a value begins that stands for a secret that was made through Headgate. */
const STORED = 'secret:';

/** What the name of such a secret is like. */
export const SECRET_NAME = '[a-z][a-z0-9_-]{0,62}';

const VARIABLE = `${SECRET_PREFIX}[A-Za-z0-9_]+`;
const REACH = `no variable that begins otherwise than with ${SECRET_PREFIX} can be referred to`;

/** What a secret has to be like: a reference, or a literal one. */
export const SECRET = {
  pattern: `^(${REFERENCE}${VARIABLE}|${STORED}${SECRET_NAME}|wh(sec|sk)_[A-Za-z0-9+/]{16,128}={0,2})$`,
  problem: `must be ${STORED}NAME, env:${SECRET_PREFIX}<TENANT>__NAME, or a literal secret that begins with whsec_ or whsk_; ${REACH}`,
};
/** What has to be a reference: of what is verified there is no literal form. */
export const REFERENCED = {
  pattern: `^(${REFERENCE}${VARIABLE}|${STORED}${SECRET_NAME})$`,
  problem: `must be ${STORED}NAME or env:${SECRET_PREFIX}<TENANT>__NAME; ${REACH}`,
};
/** What a value has to be like that may be a reference. */
export const VALUE = {
  pattern: `^(?!${REFERENCE}|${STORED})|^${REFERENCE}${VARIABLE}$|^${STORED}${SECRET_NAME}$`,
  problem: `must be ${STORED}NAME, env:${SECRET_PREFIX}<TENANT>__NAME, or begin with neither ${STORED} nor env:; ${REACH}`,
};

/** The variable that a value refers to; undefined for a value that stands for itself. Whether it may be referred to is another matter. */
export function variableOf(value: string): string | undefined {
  return value.startsWith(REFERENCE) ? value.slice(REFERENCE.length) : undefined;
}

/** The secret made through Headgate that a value refers to, by its name; undefined for any other value. */
export function storedNameOf(value: string): string | undefined {
  return value.startsWith(STORED) ? value.slice(STORED.length) : undefined;
}

/** A tenant as it stands in the names of variables: `acme-eu` is `ACME_EU`. Several tenants may have one; see {@link ownsVariable}. */
export function tenantInVariables(tenant: string): string {
  return tenant.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
}

/** How the variables of a tenant's secrets begin: `HEADGATE_SECRET_ACME_EU__`. */
function secretPrefixOf(tenant: string): string {
  return `${SECRET_PREFIX}${tenantInVariables(tenant)}__`;
}

/**
 * Whether a variable is a secret of the tenant: `HEADGATE_SECRET_<TENANT>__<NAME>`. The first `__` ends the tenant and a name
 * begins with a letter or digit, so that no variable can be read in two ways; hence a tenant whose id has two signs in a row
 * or one at its end has no variables. Ids that differ in case and signs alone come to the same prefix: the code that reads a
 * variable makes sure that there is one of them only.
 */
export function ownsVariable(tenant: string, variable: string): boolean {
  const own = tenantInVariables(tenant);
  if (own.includes('__') || own.endsWith('_')) return false;
  const prefix = secretPrefixOf(tenant);
  return variable.startsWith(prefix) && /^[A-Za-z0-9]\w*$/.test(variable.slice(prefix.length));
}

/** What to say of a variable that is not the tenant's. */
export function notOwned(tenant: string, variable: string): string {
  const own = tenantInVariables(tenant);
  if (own.includes('__') || own.endsWith('_'))
    return `tenant ${tenant} can have no secrets in the environment: its id has two signs in a row, or ends with one`;
  const meant = variable.replace(SECRET_PREFIX, secretPrefixOf(tenant));
  return `${variable} is not a secret of tenant ${tenant}, whose variables begin with ${secretPrefixOf(tenant)}: call it ${meant}`;
}

/** True for a value that holds a key which signs webhooks: nobody but the worker that signs may see it. */
export function holdsSigningKey(value: string): boolean {
  return /(?:^|[^A-Za-z0-9])wh(?:sec|sk)_[A-Za-z0-9+/]{16}/.test(value);
}
