import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Chain } from '../../src/audit-log/chain.js';
import type { Act } from '../../src/audit-log/entry.js';
import { auditLogPlaces, fileOf, type AuditLogPlaces } from '../../src/audit-log/files.js';
import { readEntries } from '../../src/audit-log/read.js';
import { verifyAuditLog } from '../../src/audit-log/verify.js';
import { DAY_MS } from '../../src/platform/time.js';
import { useTempDir } from '../support/temp-dir.js';

const NOON = Date.parse('2026-03-10T12:00:00Z');
const DAY = '2026-03-10';

function act(number: number, more: Partial<Act> = {}): Act {
  const params = { name: `s${number}` };
  return {
    act: 'pauseSubscription',
    kind: 'changes',
    tenant: 'UA',
    role: 'tenant',
    params,
    outcome: 'ok',
    ...more,
  };
}

describe('the chain of the audit log', () => {
  const dir = useTempDir();
  let now = NOON;
  const places = (): AuditLogPlaces => auditLogPlaces(dir());
  const chain = (): Chain => new Chain(places(), () => now);
  const file = (day = DAY): string => fileOf(places(), day);
  const lines = (day = DAY): string[] => readFileSync(file(day), 'utf8').split('\n').slice(0, -1);
  const problems = async (): Promise<readonly string[]> => (await verifyAuditLog(places())).problems;
  const all = async (filter = {}) =>
    (await readEntries(places(), filter, { maxEntries: 1e6, maxBytes: 1e9 })).entries;

  beforeEach(() => {
    now = NOON;
  });

  /** Five lines, signed after the fourth. */
  async function written(): Promise<void> {
    const one = chain();
    await one.append([act(1), act(2)]);
    await one.append([act(3), act(4)]);
    await one.sign();
    await one.append([act(5)]);
  }

  /** What is found after the lines of the day were changed. */
  async function afterChange(change: (lines: string[]) => string[]): Promise<string> {
    await written();
    assert.deepEqual(await problems(), []);
    const changed = change(lines());
    writeFileSync(file(), changed.map((line) => `${line}\n`).join(''));
    return (await problems()).join('\n');
  }

  it('goes on over days and processes, and is found whole', async () => {
    await written();
    await chain().sign();
    now += DAY_MS;
    await chain().append([act(6)]);
    const { entries, head, last } = await verifyAuditLog(places());
    assert.deepEqual([await problems(), entries, head?.seq, last?.seq], [[], 6, 5, 6]);
    assert.deepEqual(
      (await all()).map(({ seq, params }) => [seq, params?.name]),
      [
        [1, 's1'],
        [2, 's2'],
        [3, 's3'],
        [4, 's4'],
        [5, 's5'],
        [6, 's6'],
      ],
    );
    assert.equal(lines('2026-03-11').length, 1);
  });

  it('is for its owner alone, as is its key', async () => {
    await written();
    for (const path of [file(), places().head, join(places().keys, 'audit-log.private.jwk.json')])
      assert.equal(statSync(path).mode & 0o777, 0o600, path);
    assert.doesNotMatch(readFileSync(join(places().keys, 'audit-log.jwks.json'), 'utf8'), /"d"/);
  });

  it('shows a line that was altered', async () => {
    const found = await afterChange((all) =>
      all.map((line, at) => (at === 1 ? line.replace('s2', 's9') : line)),
    );
    assert.match(found, /:2: the line was altered, or is damaged; it follows line 1\.$/);
  });

  it('shows a line that was altered and given a hash that fits', async () => {
    const forged = new Chain(auditLogPlaces(join(dir(), 'forged')), () => now);
    await forged.append([act(1), act(9)]);
    const other = readFileSync(fileOf(auditLogPlaces(join(dir(), 'forged')), DAY), 'utf8').split('\n')[1]!;
    const found = await afterChange((all) => all.map((line, at) => (at === 1 ? other : line)));
    assert.match(found, /:3: line 3 was written after another line 2 than this one\.$/);
  });

  it('shows lines that were removed', async () => {
    const found = await afterChange((all) => all.toSpliced(1, 2));
    assert.match(found, /:2: lines 2 to 3 are missing\.$/);
  });

  it('shows lines that were reordered', async () => {
    const found = await afterChange(([a, b, c, ...rest]) => [a!, c!, b!, ...rest]);
    assert.match(found, /:2: lines 2 to 2 are missing\.\n.*:3: line 2 comes after line 3\./);
  });

  it('shows a beginning that was removed', async () => {
    assert.match(await afterChange((all) => all.slice(2)), /The beginning is missing: the first line is 3/);
  });

  it('shows an end that was cut up to what was signed, and not what came after that', async () => {
    assert.match(
      await afterChange((all) => all.slice(0, 3)),
      /The end is missing: line 4 was signed, and the last is 3/,
    );
    rmSync(dir(), { recursive: true });
    assert.equal(await afterChange((all) => all.slice(0, 4)), '');
  });

  it('shows an end that was cut behind a head that is known from elsewhere', async () => {
    await written();
    const { seq, hash } = (await verifyAuditLog(places())).last!;
    writeFileSync(file(), `${lines().slice(0, 4).join('\n')}\n`);
    assert.deepEqual(await problems(), []);
    const known = await verifyAuditLog(places(), { heads: [{ seq, hash }] });
    assert.match(known.problems.join('\n'), /The end is missing: line 5 was signed/);
  });

  it('remembers that it was cut, when it is written to afterwards', async () => {
    const found = await afterChange((all) => all.slice(0, 3));
    assert.match(found, /The end is missing/);
    await chain().append([act(6)]);
    await chain().sign();
    assert.match((await problems()).join('\n'), /The end was cut before line 4: line 4 had been signed/);
  });

  it('shows a head that another key has signed, or none', async () => {
    await written();
    const other = auditLogPlaces(join(dir(), 'other'));
    const another = new Chain(other, () => now);
    await another.append([act(1), act(2), act(3)]);
    await another.sign();
    writeFileSync(places().head, readFileSync(other.head));
    assert.match((await problems()).join('\n'), /The signature of the head .* is not by this key/);
    rmSync(places().head);
    assert.match((await problems()).join('\n'), /There is no signed head/);
  });

  it('shows a day that was removed from the middle, as files', async () => {
    await written();
    now += DAY_MS;
    await chain().append([act(6), act(7)]);
    now += DAY_MS;
    await chain().append([act(8)]);
    await chain().sign();
    assert.deepEqual(await problems(), []);
    rmSync(file('2026-03-11'));
    assert.match((await problems()).join('\n'), /2026-03-12\.ndjson:1: lines 6 to 7 are missing\.$/);
  });

  it('shows an older head in the place of the last one, with the end that it would fit or without', async () => {
    await written();
    const older = readFileSync(places().head);
    const [before, copy] = [lines(), join(places().keys, 'audit-log-head.jws')];
    await chain().append([act(6)]);
    await chain().sign();
    writeFileSync(places().head, older);
    assert.match((await problems()).join('\n'), /was put back: it says line 4, and line 6 was signed later/);
    writeFileSync(
      file(),
      before
        .slice(0, 4)
        .map((line) => `${line}\n`)
        .join(''),
    );
    assert.match((await problems()).join('\n'), /The end is missing: line 6 was signed, and the last is 4/);
    // What writes to it next says so for ever.
    const cut = readFileSync(file());
    await chain().append([act(7)]);
    await chain().sign();
    assert.match((await problems()).join('\n'), /The end was cut before line 5: line 6 had been signed/);
    // Both put back: what is left is how the log was then, and only a head from elsewhere tells.
    for (const each of [places().head, copy]) writeFileSync(each, older);
    writeFileSync(file(), cut);
    assert.deepEqual(await problems(), []);
  });

  it('shows a head that is much older than the lines after it', async () => {
    await written();
    const older = readFileSync(places().head);
    now += DAY_MS / 2 - 1;
    await chain().append([act(6)]);
    await chain().sign();
    assert.deepEqual(await problems(), []);
    for (const each of [places().head, join(places().keys, 'audit-log-head.jws')]) writeFileSync(each, older);
    assert.match(
      (await problems()).join('\n'),
      /The head is of line 4, and lines of .*T12:00.* to .*T23:59.* follow that are not signed/,
    );
  });

  it('cuts half a line that a crash has left, and says so', async () => {
    await written();
    appendFileSync(file(), lines()[0]!.slice(0, 40));
    assert.deepEqual(await problems(), []);
    await chain().append([act(6)]);
    const [fifth, cut, last] = (await all()).slice(-3);
    assert.deepEqual(
      [fifth!.params, cut!.act, cut!.params, last!.params],
      [{ name: 's5' }, 'audit-log.cut', { bytes: '40' }, { name: 's6' }],
    );
    assert.deepEqual(await problems(), []);
  });

  it('cuts half a line that is all of a day', async () => {
    await written();
    await chain().sign();
    now += DAY_MS;
    writeFileSync(file('2026-03-11'), '{"seq":6');
    await chain().append([act(6)]);
    assert.deepEqual(
      (await all()).slice(-2).map(({ seq, act: name }) => [seq, name]),
      [
        [6, 'audit-log.cut'],
        [7, 'pauseSubscription'],
      ],
    );
    assert.deepEqual(await problems(), []);
  });

  it('goes on in the same file when the clock is set back', async () => {
    await written();
    now -= 3 * DAY_MS;
    await chain().append([act(6)]);
    assert.deepEqual(
      readdirSync(places().directory).filter((name) => name.endsWith('ndjson')),
      [`${DAY}.ndjson`],
    );
    assert.deepEqual(await problems(), []);
  });

  it('deletes what is old, and is whole all the same', async () => {
    await written();
    now += DAY_MS;
    await chain().append([act(6)]);
    await chain().sign();
    now += 30 * DAY_MS;
    assert.equal(await chain().expire(31 * DAY_MS), 0);
    assert.equal(await chain().expire(30 * DAY_MS), 1);
    assert.equal(existsSync(file()), false);
    assert.deepEqual(await problems(), []);
    assert.deepEqual(
      (await all()).map(({ seq, act: name }) => [seq, name]),
      [
        [6, 'pauseSubscription'],
        [7, 'audit-log.expired'],
      ],
    );
    rmSync(file('2026-03-11'));
    assert.match((await problems()).join('\n'), /The beginning is missing/);
  });
});
