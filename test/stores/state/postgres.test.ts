import { STATE_STORES, type StateStoreKind } from '../../support/state-stores.js';
import { conformsAsStateStore } from './conformance.js';

const kind = STATE_STORES.find(({ name }) => name === 'Postgres') as StateStoreKind;

describe('the Postgres state store', () => {
  conformsAsStateStore(kind);
});
