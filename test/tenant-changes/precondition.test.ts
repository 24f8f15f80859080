import assert from 'node:assert/strict';
import { awaitInForce } from '../../src/tenant-changes/in-force.js';
import { assertPrecondition, type Precondition } from '../../src/tenant-changes/precondition.js';
import type { LoadedTenant, TenantChange } from '../../src/tenants/config/registry.js';

const [NOW, OTHER] = ['7d9f2a01c3e4', '000000000000'];

describe('what has to be so before a tenant is changed', () => {
  const cases: [Precondition, string | undefined, string | undefined][] = [
    [{}, undefined, undefined],
    [{ ifNone: true }, undefined, undefined],
    [{ ifMatch: [NOW] }, NOW, undefined],
    [{ ifMatch: [OTHER, NOW] }, NOW, undefined],
    [{ ifMatch: '*' }, NOW, undefined],
    [{}, NOW, 'PRECONDITION_REQUIRED'],
    [{ ifNone: true }, NOW, 'PRECONDITION_FAILED'],
    [{ ifMatch: [OTHER] }, NOW, 'PRECONDITION_FAILED'],
    [{ ifMatch: [] }, NOW, 'PRECONDITION_FAILED'],
    [{ ifMatch: [NOW] }, undefined, 'PRECONDITION_FAILED'],
    [{ ifMatch: '*' }, undefined, 'PRECONDITION_FAILED'],
    [{ ifMatch: '*', ifNone: true }, NOW, 'PRECONDITION_FAILED'],
  ];
  for (const [precondition, current, code] of cases)
    it(`${JSON.stringify(precondition)} of ${current ?? 'nothing'}: ${code ?? 'may be changed'}`, () => {
      const check = () => assertPrecondition(precondition, 'acme', current);
      if (code === undefined) check();
      else assert.throws(check, { code });
    });
});

describe('the wait until a change is in force', () => {
  function registry() {
    let loaded: LoadedTenant | undefined;
    const listeners = new Set<(change: TenantChange) => void>();
    return {
      listeners,
      get: () => loaded,
      onChange: (listener: (change: TenantChange) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      become: (version?: string) => {
        loaded = version === undefined ? undefined : ({ version } as LoadedTenant);
        for (const listener of listeners) listener({ kind: 'changed', tenant: 'acme' });
      },
    };
  }

  it('ends with the version, not with another, and leaves nothing behind', async () => {
    const known = registry();
    const waiting = awaitInForce(known, 'acme', NOW);
    known.become(OTHER);
    assert.equal(known.listeners.size, 1);
    known.become(NOW);
    assert.ok((await waiting) instanceof Date);
    assert.equal(known.listeners.size, 0);
    assert.ok((await awaitInForce(known, 'acme', NOW)) instanceof Date, 'it is so already');
    const gone = awaitInForce(known, 'acme', undefined);
    known.become();
    assert.ok((await gone) instanceof Date);
  });

  it('says that it took too long', async () => {
    const known = registry();
    assert.equal(await awaitInForce(known, 'acme', NOW, 1), undefined);
    assert.equal(known.listeners.size, 0);
  });
});
