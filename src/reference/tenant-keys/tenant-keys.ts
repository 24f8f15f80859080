import type { KeyText } from './key-text.js';
import { SUBSCRIPTION_KEYS } from './subscriptions.js';
import { TENANT_KEYS } from './tenant.js';
import { WAREHOUSE_KEYS } from './warehouse.js';

/** What is said of each key of a tenant's file. `npm run docs` fails for a key of the schema that is missing, and for any other. */
export const KEY_TEXTS: Readonly<Record<string, KeyText>> = {
  ...TENANT_KEYS,
  ...WAREHOUSE_KEYS,
  ...SUBSCRIPTION_KEYS,
};
