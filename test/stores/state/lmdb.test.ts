import assert from 'node:assert/strict';
import { STATE_STORES, type StateStoreKind } from '../../support/state-stores.js';
import { conformsAsStateStore } from './conformance.js';

const kind = STATE_STORES.find(({ name }) => name === 'LMDB') as StateStoreKind;

describe('the LMDB state store', () => {
  const { store, checkpointUntil, assertWhole } = conformsAsStateStore(kind);

  it('has what it said is on disk after the disk was full, and only whole checkpoints', async function () {
    this.timeout(20_000);
    if (process.platform === 'win32') return this.skip();
    await store().close();
    const { told, code } = await checkpointUntil({ blocks: 12_000 });
    assert.notEqual(code, 0, 'nothing may be said to be on disk from there on');
    assert.ok(told > 0);
    await assertWhole(told);
  });

  it('reads at once, as nothing has to be waited for', async () => {
    await store().checkpoint({ subjects: [], watermarks: new Map([['UA', 1]]) });
    assert.equal(store().subjectNow?.('UA', 's1'), undefined);
    assert.throws(() => store().subjectNow?.('../UA', 's1'), { code: 'TENANT_ID_INVALID' });
  });
});
