import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { readJournal, TaskJournal } from '../../src/recovery/journal.js';
import { useTempDir } from '../support/temp-dir.js';

const IDENTITY = '7@host/0123456789abcdef';
const fail = (error: unknown): never => assert.fail(String(error));
const token = (n: number): Uint8Array => Buffer.from(`token ${n} ${'x'.repeat(200)}`);
const textOf = (tokens: readonly Uint8Array[]): string[] =>
  tokens.map((each) => Buffer.from(each).toString().split(' ', 2).join(' '));

describe('the journal of held tasks', () => {
  const dir = useTempDir();
  const open = (now?: () => number): TaskJournal =>
    new TaskJournal({ directory: dir(), identity: IDENTITY, onFailure: fail, now });
  const path = (): string => join(dir(), 'tasks');

  it('tells the process that comes after what was held, and by whom', () => {
    const journal = open();
    journal.taken(token(1));
    journal.taken(token(2));
    const { identity, taskTokens } = readJournal(dir());
    assert.equal(identity, IDENTITY);
    assert.deepEqual(textOf(taskTokens), ['token 1', 'token 2']);
  });

  it('keeps what has just ended: Temporal may not have heard of it', () => {
    const journal = open();
    journal.taken(token(1));
    journal.ended(token(1));
    assert.deepEqual(textOf(readJournal(dir()).taskTokens), ['token 1']);
  });

  it('does not grow with what has ended, and keeps what is held for long', () => {
    let time = 0;
    const journal = open(() => time);
    journal.taken(token(0));
    for (let n = 1; n <= 20_000; n++) {
      journal.taken(token(n));
      journal.ended(token(n));
      time += 10;
      // Of two seconds, and as much again until it is written anew.
      if (n % 100 === 0) assert.ok(statSync(path()).size < 150_000, `${statSync(path()).size} bytes`);
    }
    assert.ok(textOf(readJournal(dir()).taskTokens).includes('token 0'));
  });

  it('tells once of a disk that takes nothing, and holds up nobody', () => {
    const failures: unknown[] = [];
    const directory = join(dir(), 'gone');
    mkdirSync(directory);
    const journal = new TaskJournal({
      directory,
      identity: IDENTITY,
      onFailure: (error) => failures.push(error),
    });
    rmSync(directory, { recursive: true });
    for (let n = 1; n <= 1_000; n++) journal.taken(token(n));
    assert.equal(failures.length, 1);
    mkdirSync(directory);
    journal.taken(token(1_001));
    assert.equal(readJournal(directory).taskTokens.length, 1_001);
  });

  it('is read as far as it goes when a power cut has torn it', () => {
    const journal = open();
    for (let n = 1; n <= 3; n++) journal.taken(token(n));
    truncateSync(path(), statSync(path()).size - 50);
    appendFileSync(path(), '\0\0\0\nnot a token!\n');
    assert.deepEqual(textOf(readJournal(dir()).taskTokens), ['token 1', 'token 2']);
    writeFileSync(path(), readFileSync(path()).subarray(5));
    assert.equal(readJournal(dir()).identity, undefined);
  });

  it('is empty where there is none', () => {
    assert.deepEqual(readJournal(join(dir(), 'nowhere')), { identity: undefined, taskTokens: [] });
  });
});
