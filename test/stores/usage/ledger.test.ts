import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UsageEntry, UsageTotal } from '../../../src/stores/usage/figures.js';
import { FILE_MS, UsageJournal } from '../../../src/stores/usage/journal.js';
import { UsageLedger } from '../../../src/stores/usage/ledger.js';
import { DAY_MS } from '../../../src/platform/time.js';
import { useTempDir } from '../../support/temp-dir.js';

const NOON = Date.parse('2024-03-10T12:00:00Z');
const DAY = '2024-03-10';

function batch(name: string, events: number, more: Partial<UsageEntry> = {}): UsageEntry {
  return { name, tenant: 'acme', day: DAY, stream: 'events', figures: { events }, ...more };
}

describe('the ledger of usage', () => {
  const dir = useTempDir();
  let now: number;
  let ledger: UsageLedger;
  const journals: UsageJournal[] = [];

  const paths = () => ({ ledger: join(dir(), 'ledger'), journals: join(dir(), 'journals') });
  const open = (): UsageLedger => new UsageLedger(paths(), () => now);
  function journal(): UsageJournal {
    const opened = new UsageJournal(paths().journals, () => now);
    journals.push(opened);
    return opened;
  }
  const all = (tenant = 'acme'): UsageTotal[] => [...ledger.of(tenant, '2000-01-01', '2099-12-31')];
  const events = (tenant = 'acme'): number =>
    all(tenant).reduce((sum, { figures }) => sum + (figures.events ?? 0), 0);

  beforeEach(() => {
    now = NOON;
    ledger = open();
  });
  afterEach(async () => {
    for (const each of journals.splice(0)) await each.close();
    await ledger.close();
  });

  it('adds up by day, stream and subscription, and apart by tenant', async () => {
    await journal().add([
      batch('a', 3),
      batch('b', 4),
      batch('c', 5, { stream: 'user-properties' }),
      batch('d', 6, { day: '2024-03-09' }),
      batch('e', 7, { tenant: 'acme-2' }),
      batch('f', 0, { subscription: 'crm', figures: { deliveredEvents: 2 } }),
    ]);
    assert.deepEqual([...(await ledger.fold())].sort(), ['acme', 'acme-2']);
    assert.deepEqual(all(), [
      { tenant: 'acme', day: '2024-03-09', stream: 'events', figures: { events: 6 } },
      { tenant: 'acme', day: DAY, stream: 'events', figures: { events: 7 } },
      { tenant: 'acme', day: DAY, stream: 'events', subscription: 'crm', figures: { deliveredEvents: 2 } },
      { tenant: 'acme', day: DAY, stream: 'user-properties', figures: { events: 5 } },
    ]);
    assert.equal(events('acme-2'), 7);
    assert.deepEqual([...ledger.tenants()], ['acme', 'acme-2']);
    assert.equal([...ledger.of('acme', DAY, DAY)].length, 3);
  });

  it('counts a name once: in a file, in another process, after a restart, and on the next day', async () => {
    await journal().add([batch('a', 3), batch('a', 3)]);
    await ledger.fold();
    await journal().add([batch('a', 3), batch('b', 1)]);
    await ledger.fold();
    await ledger.close();
    ledger = open();
    now += DAY_MS;
    await journal().add([batch('a', 3, { day: '2024-03-11' })]);
    await ledger.fold();
    assert.equal(events(), 4);
  });

  it('adds what has no name each time, but folds a line once', async () => {
    const cpu = { tenant: 'acme', day: DAY, figures: { cpuMicros: 10 } };
    const one = journal();
    await one.add([cpu]);
    await ledger.fold();
    await ledger.fold();
    await one.add([cpu]);
    await ledger.close();
    ledger = open();
    await ledger.fold();
    assert.deepEqual(all(), [{ tenant: 'acme', day: DAY, figures: { cpuMicros: 20 } }]);
  });

  it('reads a line that is being written once it is whole, and passes over what is none', async () => {
    mkdirSync(paths().journals, { recursive: true });
    const file = join(paths().journals, `${NOON}-1-0123ab.ndjson`);
    const line = JSON.stringify({ tenant: 'acme', day: DAY, figures: { events: 3 } });
    const evil = [
      '{"tenant":"../x","day":"2024-03-10","figures":{"events":1}}',
      '{"tenant":"acme","day":"today","figures":{"events":1}}',
      '{"tenant":"acme","day":"2024-03-10","figures":{"events":-1}}',
      '{"tenant":"acme","day":"2024-03-10","figures":{"__proto__x":1}}',
      '{"tenant":"acme","day":"2024-03-10","stream":"x","figures":{}}',
      'null',
      'torn',
    ];
    writeFileSync(file, `${evil.join('\n')}\n${line.slice(0, 20)}`);
    writeFileSync(join(paths().journals, 'notes.txt'), `${line}\n`);
    assert.equal((await ledger.fold()).size, 0);
    appendFileSync(file, `${line.slice(20)}\n`);
    await ledger.fold();
    assert.equal(events(), 3);
  });

  it('folds a journal that is longer than a piece', async () => {
    const entries = Array.from({ length: 5_000 }, (_, n) => batch(`batch ${n}`, 1));
    await journal().add(entries);
    await ledger.fold();
    assert.equal(events(), 5_000);
  });

  it('deletes a file once its process has begun another, and not before', async () => {
    const one = journal();
    await one.add([batch('a', 1)]);
    await ledger.fold();
    assert.equal(readdirSync(paths().journals).length, 1);
    now += FILE_MS;
    await one.add([batch('b', 1)]);
    assert.equal(readdirSync(paths().journals).length, 2);
    now += FILE_MS + 1;
    await ledger.fold();
    assert.equal(readdirSync(paths().journals).length, 1);
    assert.equal(events(), 2);
  });

  it('keeps days for as long as it is told to, and names for three days', async () => {
    await journal().add([batch('a', 1, { day: '2024-03-01' }), batch('b', 2)]);
    await ledger.fold();
    await ledger.note('acme', 'usage', '2024-03-01', { since: NOON, told: true });
    await ledger.note('acme', 'costPerMonth', '2024-03', { since: NOON, told: true });
    await ledger.expire('2024-03-02');
    assert.equal(events(), 2);
    assert.equal(ledger.noteOf('acme', 'usage', '2024-03-01'), undefined);
    assert.equal(ledger.noteOf('acme', 'costPerMonth', '2024-03')?.told, true);
    now += 2 * DAY_MS;
    await ledger.expire('2024-03-02');
    await journal().add([batch('b', 2)]);
    await ledger.fold();
    assert.equal(events(), 2);
    now += DAY_MS;
    await ledger.expire('2024-03-02');
    await journal().add([batch('b', 2)]);
    await ledger.fold();
    assert.equal(events(), 4);
  });

  it('forgets a tenant, what is not folded yet as well, and nothing of another', async () => {
    const one = journal();
    await one.add([batch('a', 1), batch('b', 1, { tenant: 'acme-2' }), batch('c', 1, { tenant: 'acm' })]);
    await ledger.fold();
    await one.add([batch('d', 1), batch('e', 1, { tenant: 'acme-2' })]);
    await ledger.note('acme', 'usage', DAY, { since: NOON, told: false });
    await ledger.forgetTenant('acme');
    assert.equal(all().length, 0);
    assert.equal(ledger.noteOf('acme', 'usage', DAY), undefined);
    assert.equal(events('acme-2'), 2);
    assert.equal(events('acm'), 1);
    assert.deepEqual(readdirSync(paths().journals), []);
  });
});
