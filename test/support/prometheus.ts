import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/system/free-port.js';
import { until } from './until.js';

/** The folder with what is given to operators. */
export const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

/** Alert rules of Headgate. */
export const RULES = join(DEPLOY, 'prometheus', 'headgate-rules.yml');

type Tool = 'prometheus' | 'promtool' | 'dashboard-linter';

/** A program in the PATH: Debian's `prometheus` has two of them. Undefined where it is not installed. */
function toolIfThere(name: Tool): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Skips a test, and says why, where a program is not installed. */
export function neededTool(test: Mocha.Context, name: Tool): string {
  const path = toolIfThere(name);
  if (path !== undefined) return path;
  const where = name === 'dashboard-linter' ? 'github.com/grafana/dashboard-linter' : "Debian's prometheus";
  console.log(`Skipped: ${name} (${where}) is not installed.`);
  return test.skip();
}

/** What a program has said, and its exit code. */
export async function runTool(
  path: string,
  args: readonly string[],
  input = '',
): Promise<{ readonly code: number; readonly said: string }> {
  const running = execFile(path, args, { maxBuffer: 1024 ** 3 });
  let said = '';
  for (const stream of [running.stdout, running.stderr]) stream?.on('data', (text: string) => (said += text));
  running.stdin?.end(input);
  const [code] = (await once(running, 'close')) as [number];
  return { code, said };
}

/** A value of an instant query, by its labels. */
interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus that scrapes a node. */
export interface TestPrometheus {
  readonly url: string;
  /** Runs an instant query. @throws Error when Prometheus refuses it */
  query(expression: string): Promise<readonly Sample[]>;
  /** An answer of its API. */
  api<T>(path: string): Promise<T>;
  stop(): Promise<void>;
}

/**
 * Starts a Prometheus with Headgate's rules that scrapes some addresses, with its files in `dir`.
 * @param every how often: as often as `deploy/prometheus/prometheus.yml` says is 15s
 */
export async function startPrometheus(
  binary: string,
  dir: string,
  targets: readonly string[],
  every = '1s',
): Promise<TestPrometheus> {
  mkdirSync(dir, { recursive: true });
  const config = {
    global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
    rule_files: [RULES],
    scrape_configs: [{ job_name: 'headgate', static_configs: [{ targets }] }],
  };
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const flags = {
    'config.file': join(dir, 'prometheus.yml'),
    'storage.tsdb.path': join(dir, 'data'),
    'web.listen-address': `127.0.0.1:${port}`,
    'enable-feature': 'exemplar-storage',
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(binary, args, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  const api = async <T>(path: string): Promise<T> => {
    const answer = (await (await fetch(`${url}/api/v1/${path}`)).json()) as ApiAnswer<T>;
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  };
  await until(() => api('status/buildinfo'), 20_000);
  return {
    url,
    api,
    query: async (expression) => {
      const path = `query?query=${encodeURIComponent(expression)}`;
      return (await api<{ readonly result: readonly Sample[] }>(path)).result;
    },
    stop: async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

interface ApiAnswer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

/** The queries of the dashboard, each with where it is, and its variables replaced by what matches everything. */
export function queriesOf(dashboard: Dashboard): { readonly panel: string; readonly expr: string }[] {
  const replaced = (expr: string): string =>
    expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|instance|tenant|subscription)\b/g, '.*');
  return dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ panel: title, expr: replaced(expr) })),
  );
}

/** As much of a dashboard of Grafana as tests look at. */
export interface Dashboard {
  readonly editable: boolean;
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly panels: readonly {
    readonly type: string;
    readonly title: string;
    readonly description?: string;
    readonly datasource?: { readonly uid: string };
    readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}
