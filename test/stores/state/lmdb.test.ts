import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProfileState } from '../../../src/rules/profile.js';
import { openLmdbStateStore } from '../../../src/stores/state/lmdb.js';
import type {
  AppliedBatch,
  BatchCommit,
  StateStore,
  SubjectRecord,
} from '../../../src/stores/state/state-store.js';
import { useTempDir } from '../../support/temp-dir.js';

const DAY = 86_400_000;
const FIXTURE = fileURLToPath(new URL('lmdb.fixture.ts', import.meta.url));

function idOn(daysAgo: number, sequence = 1): string {
  const day = new Date(Date.now() - daysAgo * DAY).toISOString().slice(0, 10).replaceAll('-', '');
  return `${day}-0123abcd-${String(sequence).padStart(9, '0')}`;
}

function mark(batchId: string, more: Partial<AppliedBatch> = {}): AppliedBatch {
  return { batchId, events: 10, evaluated: 3, eligible: { late: 1 }, ...more };
}

function profile(values: Record<string, unknown>): ProfileState {
  return { values, times: Object.fromEntries(Object.keys(values).map((key) => [key, 1])) };
}

const RECORD: SubjectRecord = {
  state: { aggregates: { late: { definition: 'd', times: [1, 2], ids: [0.5, 2 ** 52], values: [1, null] } } },
  decisions: {
    late: {
      outcome: 'eligible',
      reason: 'r',
      ruleVersion: 'v',
      eventId: 'e',
      time: '2024-01-01T00:00:00Z',
      batchId: 'b',
    },
  },
};

describe('the LMDB state store', () => {
  const dir = useTempDir();
  let store: StateStore;

  beforeEach(() => {
    store = openLmdbStateStore(dir());
  });
  afterEach(() => store.close());

  async function reopen(): Promise<void> {
    await store.close();
    store = openLmdbStateStore(dir());
  }

  function commit(batchId: string, more: Partial<BatchCommit> = {}): Promise<AppliedBatch> {
    const { tenant = 'UA', stream = 'events' } = more;
    return store.commit({
      tenant,
      stream,
      revision: store.revision(tenant, stream),
      applied: mark(batchId),
      ...more,
    });
  }

  it('commits a batch with its mark, and has both after a restart', async () => {
    const applied = mark(idOn(0), {
      decisions: {
        tenant: 'UA',
        stream: 'decisions',
        batchId: idOn(0),
        token: 't',
        events: 3,
        bytes: 9,
        sha256: 's',
      },
    });
    const profiles = new Map([['s1', profile({ seats: 180 })]]);
    const subjects = new Map([['s1', RECORD]]);
    assert.deepEqual(await commit(applied.batchId, { applied, profiles, subjects }), applied);
    for (let opened = 0; opened < 2; opened++) {
      assert.deepEqual(store.applied('UA', applied.batchId), applied);
      assert.deepEqual(store.profile('UA', 's1'), profile({ seats: 180 }));
      assert.deepEqual(store.subject('UA', 's1'), RECORD);
      assert.deepEqual([store.revision('UA', 'events'), store.revision('UA', 'user-properties')], [1, 0]);
      await reopen();
    }
  });

  it('knows nothing of what was never written', () => {
    assert.equal(store.applied('UA', idOn(0)), undefined);
    assert.equal(store.profile('UA', 's1'), undefined);
    assert.equal(store.subject('UA', 's1'), undefined);
    assert.equal(store.revision('UA', 'events'), 0);
  });

  it('writes nothing for a batch that has been applied, and gives the mark of the first time', async () => {
    await commit(idOn(0), { profiles: new Map([['s1', profile({ n: 1 })]]) });
    const again = {
      profiles: new Map([['s1', profile({ n: 2 })]]),
      applied: mark(idOn(0), { evaluated: 99 }),
    };
    for (const revision of [0, 1, 7])
      assert.deepEqual(await commit(idOn(0), { ...again, revision }), mark(idOn(0)));
    assert.deepEqual(store.profile('UA', 's1'), profile({ n: 1 }));
    assert.equal(store.revision('UA', 'events'), 1);
  });

  it('refuses an effect that was computed from what has changed since, and writes nothing of it', async () => {
    await commit(idOn(0, 1), { profiles: new Map([['s1', profile({ n: 1 })]]) });
    for (const revision of [0, 2]) {
      const late = {
        revision,
        profiles: new Map([['s1', profile({ n: 2 })]]),
        subjects: new Map([['s1', RECORD]]),
      };
      await assert.rejects(commit(idOn(0, 2), late), { code: 'STATE_CONFLICT', retryable: true });
    }
    assert.deepEqual(store.profile('UA', 's1'), profile({ n: 1 }));
    assert.deepEqual(
      [store.subject('UA', 's1'), store.applied('UA', idOn(0, 2)), store.revision('UA', 'events')],
      [undefined, undefined, 1],
    );
  });

  it('lets one of many that come at once win', async () => {
    const revision = store.revision('UA', 'events');
    const tries = Array.from({ length: 10 }, (_, n) =>
      commit(idOn(0, n), { revision, profiles: new Map([['s1', profile({ winner: n })]]) }),
    );
    const settled = await Promise.allSettled(tries);
    const winners = settled.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    assert.equal(winners.length, 1);
    assert.deepEqual(store.profile('UA', 's1')?.values, { winner: winners[0] });
    assert.equal(store.revision('UA', 'events'), 1);
  });

  it('writes all of a batch or nothing, also when writing fails halfway', async () => {
    const subjects = new Map([
      ['s1', RECORD],
      ['x'.repeat(3_000), RECORD],
    ]);
    await assert.rejects(commit(idOn(0), { subjects, profiles: new Map([['s1', profile({ n: 1 })]]) }));
    assert.deepEqual(
      [store.subject('UA', 's1'), store.profile('UA', 's1'), store.applied('UA', idOn(0))],
      [undefined, undefined, undefined],
    );
    assert.equal(store.revision('UA', 'events'), 0);
    await commit(idOn(0), { subjects: new Map([['s1', RECORD]]) });
    assert.deepEqual(store.subject('UA', 's1'), RECORD);
  });

  it('keeps tenants apart, and the streams of a tenant', async () => {
    await commit(idOn(0), { profiles: new Map([['s1', profile({ of: 'UA' })]]) });
    await commit(idOn(0), { tenant: 'DL', profiles: new Map([['s1', profile({ of: 'DL' })]]) });
    await commit(idOn(0, 2), { stream: 'user-properties' });
    assert.deepEqual(
      [store.profile('UA', 's1')?.values, store.profile('DL', 's1')?.values],
      [{ of: 'UA' }, { of: 'DL' }],
    );
    assert.equal(store.profile('AA', 's1'), undefined);
    assert.deepEqual(
      ['UA', 'DL'].map((tenant) => store.revision(tenant, 'events')),
      [1, 1],
    );
    assert.equal(store.revision('UA', 'user-properties'), 1);
  });

  for (const tenant of ['', '../UA', 'UA\0', 'UA/events', 'a'.repeat(64)]) {
    it(`looks at nothing for the tenant ${JSON.stringify(tenant.slice(0, 10))}`, async () => {
      const refused = { code: 'TENANT_ID_INVALID' };
      assert.throws(() => store.profile(tenant, 's1'), refused);
      assert.throws(() => store.subject(tenant, 's1'), refused);
      assert.throws(() => store.applied(tenant, idOn(0)), refused);
      assert.throws(() => store.revision(tenant, 'events'), refused);
      await assert.rejects(
        store.commit({ tenant, stream: 'events', revision: 0, applied: mark(idOn(0)) }),
        refused,
      );
    });
  }

  it('keeps the properties producers choose, whatever they are called', async () => {
    const values = JSON.parse(
      '{"__proto__":{"a":1},"constructor":"c","toJSON":"j","hasOwnProperty":1,"":0,"a.b":[null],"é☃𝄞":"é"}',
    ) as Record<string, unknown>;
    await commit(idOn(0), {
      profiles: new Map([['s1', { values, times: JSON.parse('{"__proto__":5}') as Record<string, number> }]]),
    });
    await reopen();
    const kept = store.profile('UA', 's1');
    assert.equal(JSON.stringify(kept?.values), JSON.stringify(values));
    assert.equal(Object.getPrototypeOf(kept?.values), Object.prototype);
    assert.equal(JSON.stringify(kept?.times), '{"__proto__":5}');
  });

  const subjects = [
    '__proto__',
    'constructor',
    'toJSON',
    '..',
    'a\0b',
    'a',
    'a\0',
    '☃'.repeat(512),
    '𝄞'.repeat(256),
    's'.repeat(512),
    '1',
    'true',
    '',
  ];
  it('keeps every subject that the door lets in apart from the others', async () => {
    const tenant = 't'.repeat(63);
    const profiles = new Map(subjects.map((subject, n) => [subject, profile({ n })]));
    await commit(idOn(0), { tenant, profiles });
    for (const [n, subject] of subjects.entries())
      assert.deepEqual(store.profile(tenant, subject)?.values, { n }, subject);
  });

  it('forgets marks older than any history, a few with each commit, and of this tenant alone', async () => {
    const old = Array.from({ length: 5 }, (_, n) => idOn(40, n));
    for (const tenant of ['DL', 'UA']) {
      // Written in order of age, so that none is old when it comes: the mark is all that counts.
      for (const id of [...old, idOn(31)].reverse()) await commit(id, { tenant });
    }
    const left = (tenant: string): number =>
      old.filter((id) => store.applied(tenant, id) !== undefined).length;
    const dl = left('DL');
    for (let n = 0; left('UA') > 0; n++) {
      assert.ok(n < 5, 'they do not go');
      await commit(idOn(0, n));
    }
    await commit(idOn(0), { tenant: 'AA' });
    assert.ok(dl > 0);
    assert.equal(left('DL'), dl);
    assert.ok(store.applied('UA', idOn(31)) !== undefined, 'a workflow of last month may still be reset');
  });

  it('is right when two processes write at once', async function () {
    this.timeout(30_000);
    const run = async (name: string): Promise<number> => {
      const child = spawn(process.execPath, ['--import', 'tsx', FIXTURE, dir(), name, '100'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let printed = '';
      child.stdout.on('data', (text: Buffer) => (printed += text.toString()));
      const [code] = (await once(child, 'close')) as [number];
      assert.equal(code, 0);
      return Number(printed);
    };
    const conflicts = await Promise.all([run('a'), run('b')]);
    assert.deepEqual(store.profile('UA', 's1')?.values, { n: 200 });
    assert.equal(store.revision('UA', 'user-properties'), 200);
    assert.ok(
      (conflicts[0] as number) + (conflicts[1] as number) > 0,
      'they never met, so this proved nothing',
    );
  });
});
