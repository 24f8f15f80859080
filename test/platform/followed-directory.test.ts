import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FollowedDirectory } from '../../src/platform/followed-directory.js';
import { useTempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

describe('a followed directory', () => {
  const root = useTempDir();
  let followed: FollowedDirectory;
  let read: string[];
  let failed: string[];
  let refusal: string | undefined;

  function follow(directory: string, again = {}): FollowedDirectory {
    followed = new FollowedDirectory({
      directory,
      list: () => readdir(directory).catch(() => []),
      read: (name) => {
        if (refusal !== undefined) return Promise.reject(new Error(refusal));
        read.push(name);
        return Promise.resolve();
      },
      gone: (name) => void read.push(`no ${name}`),
      failed: (error) => void failed.push((error as Error).message),
      unwatched: () => void failed.push('unwatched'),
      ...again,
    });
    return followed;
  }

  beforeEach(() => {
    read = [];
    failed = [];
    refusal = undefined;
  });
  afterEach(() => followed.close());

  it('reads a file again that could not be read, and says so once', async () => {
    writeFileSync(join(root(), 'a'), '1');
    refusal = 'EIO';
    await follow(root(), { againMs: 1 }).open();
    await followed.look();
    await followed.look();
    assert.deepEqual([read, failed], [[], ['EIO']]);
    refusal = undefined;
    await until(() => assert.deepEqual(read, ['a']), 5_000);
  });

  it('is looked at by time where the operating system does not report changes', async () => {
    const later = join(root(), 'later');
    await follow(later, { againMs: 1 }).open();
    assert.deepEqual(failed, ['unwatched']);
    mkdirSync(later);
    writeFileSync(join(later, 'a'), '1');
    await until(() => assert.deepEqual(read, ['a']), 5_000);
  });

  it('cannot be opened where it cannot be watched, and nobody looks by time', async () => {
    await assert.rejects(follow(join(root(), 'not-there')).open(), { code: 'ENOENT' });
  });

  it('a first look that fails is an error where there is no other', async () => {
    writeFileSync(join(root(), 'a'), '1');
    refusal = 'EIO';
    await assert.rejects(follow(root()).open(), /EIO/);
  });
});
