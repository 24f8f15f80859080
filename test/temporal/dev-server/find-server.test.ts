import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { HeadgateError } from '../../../src/errors.js';
import { buildServer } from '../../../src/temporal/dev-server/build-server.js';
import {
  cachedBinaryPath,
  ensureTemporalBinary,
  findTemporalBinary,
  type ServerSuppliers,
} from '../../../src/temporal/dev-server/find-server.js';
import { canUnshare, startHolder } from '../../support/lock-holder.js';

/** A shell script in the place of a program. */
async function writeProgram(path: string, script = 'exit 0'): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Programs that `go` scripts call are found here; nothing called temporal or go is. */
const SYSTEM_PATH = ['/usr/bin', '/bin'].join(delimiter);

describe('ensureTemporalBinary', () => {
  let folder: string;
  let cacheDir: string;
  let progress: string[];
  let calls: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-find-'));
    cacheDir = join(folder, 'cache');
    progress = [];
    calls = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const onProgress = (message: string) => progress.push(message);

  const suppliers = (overrides: Partial<ServerSuppliers> = {}): ServerSuppliers => ({
    download: () => {
      calls.push('download');
      return Promise.reject(new Error('the network is blocked'));
    },
    build: () => {
      calls.push('build');
      return Promise.reject(new Error('the compiler is not to be called'));
    },
    ...overrides,
  });

  it('takes the explicit path first, then PATH, then the cache, and fetches nothing meanwhile', async () => {
    const explicitPath = await writeProgram(join(folder, 'own', 'my-temporal'));
    const onPath = await writeProgram(join(folder, 'path', 'temporal'));
    const cached = await writeProgram(cachedBinaryPath(cacheDir));
    const path = [join(folder, 'empty'), join(folder, 'path')].join(delimiter);
    const find = (env: { explicitPath?: string; path: string }) =>
      ensureTemporalBinary({ env, cacheDir, onProgress }, suppliers());

    assert.equal(await find({ explicitPath, path }), explicitPath);
    assert.equal(await find({ path }), onPath);
    assert.equal(await find({ path: join(folder, 'empty') }), cached);
    assert.deepEqual(calls, []);
    assert.deepEqual(await findTemporalBinary({ env: { path: '' }, cacheDir }), {
      path: cached,
      source: 'cache',
    });
  });

  it('passes over a temporal on PATH that is not executable, and a folder of that name', async () => {
    const plain = join(folder, 'plain', 'temporal');
    await writeProgram(plain);
    await chmod(plain, 0o644);
    await mkdir(join(folder, 'dir', 'temporal'), { recursive: true });
    const cached = await writeProgram(cachedBinaryPath(cacheDir));
    const path = [join(folder, 'plain'), join(folder, 'dir')].join(delimiter);
    assert.equal(await ensureTemporalBinary({ env: { path }, cacheDir }, suppliers()), cached);
  });

  it('refuses an explicit path that is no executable file, although others could be found', async () => {
    await writeProgram(cachedBinaryPath(cacheDir));
    const explicitPath = join(folder, 'missing');
    await assert.rejects(
      ensureTemporalBinary({ env: { explicitPath, path: '' }, cacheDir }, suppliers()),
      (error: HeadgateError) =>
        error.code === 'TEMPORAL_NOT_FOUND' && error.message.includes('HEADGATE_TEMPORAL_CLI'),
    );
  });

  it('downloads into the cache once, also when several ask at the same time', async () => {
    const download: ServerSuppliers['download'] = async ({ target }) => {
      calls.push('download');
      await writeProgram(target);
    };
    const find = () =>
      ensureTemporalBinary({ env: { path: '' }, cacheDir, onProgress }, suppliers({ download }));
    const found = await Promise.all([find(), find(), find()]);
    assert.deepEqual(found, Array(3).fill(cachedBinaryPath(cacheDir)));
    assert.deepEqual(calls, ['download']);
    assert.equal(progress.filter((line) => line.includes('waiting for it')).length, 2);
    assert.deepEqual(await readdir(dirname(cachedBinaryPath(cacheDir))), ['temporal', 'temporal.lock']);
  });

  it('builds with Go where the download fails, and shows what takes its time', async () => {
    const go = join(folder, 'go', 'go');
    await writeProgram(
      go,
      `echo "$CGO_ENABLED $@" > "${folder}/called"
echo "go: downloading go.temporal.io/server v1.29.1" >&2; sleep 0.3
echo "go.temporal.io/server/common" >&2
printf '#!/bin/sh\\nexit 0\\n' > "$GOBIN/temporal"; chmod +x "$GOBIN/temporal"`,
    );
    const build: ServerSuppliers['build'] = (job) => buildServer({ ...job, progressEveryMs: 100 });
    const path = [dirname(go), SYSTEM_PATH].join(delimiter);
    const found = await ensureTemporalBinary({ env: { path }, cacheDir, onProgress }, suppliers({ build }));
    assert.equal(found, cachedBinaryPath(cacheDir));
    assert.equal(
      await readFile(join(folder, 'called'), 'utf8'),
      '0 install -v -ldflags -s -w github.com/temporalio/cli/cmd/temporal@v1.5.1\n',
    );
    assert.ok(progress.some((line) => line.includes('about 9 minutes')));
    assert.ok(progress.some((line) => line.includes('so far, downloading go.temporal.io/server')));
    assert.deepEqual(await readdir(dirname(found)), ['temporal', 'temporal.lock'], 'nothing else is left');
  });

  it('lists all that was tried when nothing helps', async () => {
    await assert.rejects(
      ensureTemporalBinary({ env: { path: '' }, cacheDir }, suppliers()),
      (error: HeadgateError) => {
        assert.equal(error.code, 'TEMPORAL_NOT_FOUND');
        for (const part of ['PATH', cacheDir, 'the network is blocked', '`go`', 'TEMPORAL_ADDRESS']) {
          assert.ok(error.message.includes(part), `${part} is missing in:\n${error.message}`);
        }
        return true;
      },
    );
    assert.deepEqual(calls, ['download']);
  });

  it("gives the compiler's last lines when the build fails, and leaves nothing behind", async () => {
    const go = await writeProgram(join(folder, 'go', 'go'), 'echo "no space left on device" >&2; exit 2');
    const path = [dirname(go), SYSTEM_PATH].join(delimiter);
    await assert.rejects(
      ensureTemporalBinary({ env: { path }, cacheDir }, suppliers({ build: buildServer })),
      /the build failed[^]*ended with 2[^]*no space left on device/,
    );
    assert.deepEqual(await readdir(dirname(cachedBinaryPath(cacheDir))), ['temporal.lock']);
  });

  it('waits for a process that is getting the server, in whatever container, and takes over when it dies', async () => {
    const target = cachedBinaryPath(cacheDir);
    const other = startHolder(`${target}.lock`, { apart: canUnshare() });
    try {
      assert.equal(await other.take(), 'held');
      let waits = 0;
      const download: ServerSuppliers['download'] = async (job) => {
        assert.equal(waits, 1);
        await writeProgram(job.target);
      };
      const onProgress = (message: string): void => {
        if (/another Headgate process is getting/.test(message)) waits += 1;
        void other.kill();
      };
      await ensureTemporalBinary({ env: { path: '' }, cacheDir, onProgress }, suppliers({ download }));
    } finally {
      await other.kill();
    }
  });

  it('can be called off', async () => {
    const go = await writeProgram(join(folder, 'go', 'go'), 'exec sleep 30');
    const path = [dirname(go), SYSTEM_PATH].join(delimiter);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    await assert.rejects(
      ensureTemporalBinary(
        { env: { path }, cacheDir, signal: abort.signal },
        suppliers({ build: buildServer }),
      ),
      { name: 'AbortError' },
    );
    assert.deepEqual(await readdir(dirname(cachedBinaryPath(cacheDir))), ['temporal.lock']);
  });
});
