import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { MasterKey, parseMasterKey } from '../../../src/stores/batch-keys/master-key.js';
import { masterKey } from '../../support/batch-keys.js';

describe('a master key', () => {
  it('is 32 bytes in base64, and nothing else', () => {
    const bytes = randomBytes(32);
    assert.deepEqual(parseMasterKey(bytes.toString('base64'))?.export(), bytes);
    const bad = [
      '',
      'secret',
      bytes.toString('hex'),
      bytes.toString('base64url'),
      `${bytes.toString('base64')}\n`,
    ];
    for (const text of [...bad, randomBytes(16).toString('base64'), randomBytes(33).toString('base64')])
      assert.equal(parseMasterKey(text), undefined, text);
  });

  it('opens what it has wrapped in the same context, and no bit of it changed', () => {
    const master = new MasterKey(masterKey());
    const key = randomBytes(32);
    const wrapped = master.wrap(key, 'tenant/UA/1');
    assert.deepEqual(master.unwrap(wrapped, 'tenant/UA/1'), key);
    assert.equal(master.unwrap(wrapped, 'tenant/DL/1'), undefined);
    assert.equal(new MasterKey(masterKey()).unwrap(wrapped, 'tenant/UA/1'), undefined);
    const bytes = Buffer.from(wrapped, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const bad = Buffer.from(bytes);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.equal(master.unwrap(bad.toString('base64'), 'tenant/UA/1'), undefined, `bit ${bit}`);
    }
    for (const text of ['', 'AAAA']) assert.equal(master.unwrap(text, 'tenant/UA/1'), undefined);
  });

  it('has an id that is always the same, and that nobody else has', () => {
    const bytes = randomBytes(32);
    const [one, two] = [0, 1].map(() => new MasterKey(createSecretKey(bytes)));
    assert.equal(one?.id, two?.id);
    assert.match(one?.id ?? '', /^[0-9a-f]{16}$/);
    assert.notEqual(new MasterKey(masterKey()).id, one?.id);
  });
});
