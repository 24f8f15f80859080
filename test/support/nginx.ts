import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, fetch } from 'undici';
import { freePort } from '../../bench/system/free-port.js';
import { until } from './until.js';

/** An nginx in front of a server. */
export interface Nginx {
  readonly url: string;
  /** Of clients that trust its certificate. */
  readonly agent: Agent;
  stop(): Promise<void>;
}

/** Debian has nginx in /usr/sbin, which is not in the PATH of everybody. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];

/** Skips a suite, saying why, unless there are nginx and openssl; to be called in a hook before all. */
export function skipWithoutNginx(context: Mocha.Context): void {
  if (binary('nginx') !== undefined && binary('openssl') !== undefined) return;
  console.log('      skipped: install nginx and openssl');
  context.skip();
}

function binary(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Of 127.0.0.1, signed by itself. */
async function makeCertificate(key: string, certificate: string): Promise<void> {
  const kind = '-x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2'.split(' ');
  const name = ['-subj', '/CN=events.example.com', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', key, '-out', certificate];
  await promisify(execFile)(binary('openssl')!, ['req'].concat(kind, name, files));
}

/**
 * Starts nginx with the `server` and `upstream` of a document.
 * @param text says port 443, files in /etc/nginx, and 127.0.0.1:8080; these are put elsewhere
 */
export async function startNginx(text: string, upstreamPort: number): Promise<Nginx> {
  const dir = await mkdtemp(join(tmpdir(), 'headgate-nginx-'));
  const port = await freePort();
  const [key, certificate] = [join(dir, 'events.key'), join(dir, 'events.crt')];
  await makeCertificate(key, certificate);
  const placed = text
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replaceAll('/etc/nginx', dir)
    .replace('127.0.0.1:8080', `127.0.0.1:${upstreamPort}`);
  const config = join(dir, 'nginx.conf');
  const around = `daemon off; pid ${dir}/pid; events {}\nhttp {\naccess_log off;\n${placed}\n}\n`;
  await writeFile(config, around);
  const log = join(dir, 'error.log');
  const nginx = spawn(binary('nginx')!, ['-e', log, '-c', config], { stdio: 'ignore' });
  const ended = once(nginx, 'exit');
  const agent = new Agent({ connect: { ca: await readFile(certificate, 'utf8') } });
  const url = `https://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await agent.destroy();
    nginx.kill();
    await ended;
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await until(() => fetch(url, { dispatcher: agent }).then((answer) => answer.text()), 5_000);
  } catch (error) {
    const said = await readFile(log, 'utf8').catch(() => 'nothing');
    await stop();
    throw new Error(`nginx did not start: ${said}`, { cause: error });
  }
  return { url, agent, stop };
}
