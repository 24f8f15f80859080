import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { WebSocket } from 'undici';

/** What Chromium says of a page. */
export interface LoadedPage {
  /** Every address that was asked for. */
  readonly requests: readonly string[];
  /** What its console and its log say: errors, and what the Content-Security-Policy has blocked. */
  readonly complaints: readonly string[];
  /** The value of an expression in it. */
  evaluate(expression: string): Promise<unknown>;
}

/** Debian's Chromium in the PATH, or what HEADGATE_TEST_CHROMIUM names; undefined where there is none. */
export function chromiumBinary(): string | undefined {
  const named = process.env.HEADGATE_TEST_CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) =>
    ['chromium', 'google-chrome'].map((name) => join(folder, name)),
  );
  return named ?? candidates.find((path) => existsSync(path));
}

/** Loads a page in a headless Chromium, and has something looked at in it. Speaks Chromium's DevTools protocol. */
export async function inChromium(
  binary: string,
  url: string,
  look: (page: LoadedPage) => Promise<void>,
): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'headgate-chromium-'));
  const browser = spawn(binary, [
    '--headless=new',
    // Tests run as root in containers, where its own sandbox does not start.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--remote-debugging-port=0',
    `--user-data-dir=${profile}`,
    'about:blank',
  ]);
  try {
    const { port } = new URL(await debuggerOf(browser));
    const targets = await fetch(`http://127.0.0.1:${port}/json/list`);
    const [target] = (await targets.json()) as { webSocketDebuggerUrl: string }[];
    await look(await load(target!.webSocketDebuggerUrl, url));
  } finally {
    browser.kill('SIGKILL');
    if (browser.exitCode === null && browser.signalCode === null) await once(browser, 'exit');
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The address that it prints once it listens. */
function debuggerOf(browser: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    browser.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [address] = /ws:\/\/\S+/.exec(said) ?? [];
      if (address !== undefined) resolve(address);
    });
    browser.once('error', reject).once('exit', () => reject(new Error(`Chromium ended:\n${said}`)));
  });
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly request?: { readonly url: string };
    readonly entry?: { readonly level: string; readonly text: string };
    readonly exceptionDetails?: object;
  };
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

async function load(socketUrl: string, url: string): Promise<LoadedPage> {
  const socket = new WebSocket(socketUrl);
  const requests: string[] = [];
  const complaints: string[] = [];
  const asked = new Map<number, (message: Message) => void>();
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data as string) as Message;
    const { id, method, params } = message;
    if (id !== undefined) asked.get(id)?.(message);
    if (method === 'Network.requestWillBeSent') requests.push(params!.request!.url);
    if (method === 'Log.entryAdded' && params!.entry!.level !== 'verbose')
      complaints.push(params!.entry!.text);
    if (method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(params!.exceptionDetails));
  });
  const send = (method: string, params: object = {}): Promise<Message> =>
    new Promise((resolve) => {
      const id = asked.size + 1;
      asked.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
  for (const domain of ['Log', 'Runtime', 'Network', 'Page']) await send(`${domain}.enable`);
  await send('Page.navigate', { url });
  return {
    requests,
    complaints,
    evaluate: async (expression) => (await send('Runtime.evaluate', { expression })).result?.result?.value,
  };
}
