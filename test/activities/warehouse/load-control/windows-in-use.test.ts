import assert from 'node:assert/strict';
import { WindowsInUse } from '../../../../src/activities/warehouse/load-control/windows-in-use.js';

describe('load windows in use', () => {
  it('are those announced to last, until a tenant has been quiet for three of them', () => {
    let now = 0;
    const windows = new WindowsInUse(() => now);
    windows.announced('UA', 5_000);
    windows.announced('DL', 300_000);
    windows.announced('UA', 10_000);
    assert.deepEqual(Object.fromEntries(windows.lengths()), { UA: 10_000, DL: 300_000 });
    now = 30_000;
    assert.deepEqual(Object.fromEntries(windows.lengths()), { DL: 300_000 });
    windows.announced('UA', 5_000);
    assert.deepEqual(Object.fromEntries(windows.lengths()), { UA: 5_000, DL: 300_000 });
  });
});
