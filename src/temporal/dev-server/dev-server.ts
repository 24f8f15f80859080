import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadgateError, messageOf } from '../../errors.js';
import type { FileLock } from '../../platform/file-lock.js';
import { devServerArguments, type DevServerExit, type DevServerOptions } from './dev-server-arguments.js';
import { answersFor } from './health.js';
import { assertPortFree } from '../../platform/ports.js';
import { identify, type ProcessIdentity } from '../../platform/process-identity.js';
import { openServerLog, type ServerLog } from './server-log.js';
import {
  claimServer,
  leftBehindError,
  serverStateOf,
  type RunningServer,
  type ServerClaim,
} from './server-record.js';
import { stopProcess } from './stop-process.js';
import { stopWithUs } from './watchdog.js';
import { SECOND_MS } from '../../platform/time.js';

const POLL_MS = 50;

/** How long a server may take to answer. It takes about one second; a slow disk or a long recovery takes more. */
const READY_WITHIN_MS = 60 * SECOND_MS;

/** Lines of the log shown when the server did not come up. */
const SHOWN_LOG_LINES = 12;

/** A development server that answers. */
export interface DevServer {
  /** `host:port` of its gRPC service. */
  readonly address: string;
  readonly uiUrl?: string;
  readonly pid: number;
  /** True when another, living Headgate process owns it: then {@link DevServer.stop} leaves it running. */
  readonly shared: boolean;
  /** Stops it: SIGTERM, then SIGKILL after 10 s. Returns when it has ended. */
  stop(): Promise<void>;
}

/**
 * Runs Temporal's development server on a database file and returns when it answers. Of one file there is never more
 * than one server, also across crashes and containers: its owner holds a lock beside it, and the server another one. What this
 * finds there decides:
 *
 * - nothing: starts a server;
 * - a server whose owner lives: shares it, without the right to stop it;
 * - a server whose owner was killed: stops it, then starts one (its settings or its binary may be old, and we could not
 *   tell when it ends). One that runs in another container cannot be stopped from here: it is waited for.
 *
 * The server is in a process group of its own, so that a terminal's Ctrl-C reaches Headgate alone, which drains first.
 * If this process dies without stopping it, a watchdog does.
 * @throws HeadgateError `PORT_IN_USE`; `TEMPORAL_START_FAILED` with the log's last lines
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const claim = await claimOrShare(options);
  if (!('lockServer' in claim)) return claim;
  try {
    return await startClaimed(options, claim);
  } catch (error) {
    claim.release();
    throw error;
  }
}

/** Gets the sole right to start a server on the database, or finds the one to share. */
async function claimOrShare({ dbFile, namespace }: DevServerOptions): Promise<ServerClaim | DevServer> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const claim = claimServer(dbFile);
    if (claim !== undefined) return claim;
    const state = serverStateOf(dbFile);
    if (state.kind === 'owned' && state.server && (await answersFor(state.server.address, namespace)))
      return sharing(state.server);
    if (performance.now() > deadline) throw ownedButSilent(dbFile);
    await sleep(POLL_MS);
  }
}

function sharing(server: RunningServer): DevServer {
  const { address, uiUrl } = server;
  return { address, uiUrl, pid: server.process.pid, shared: true, stop: () => Promise.resolve() };
}

function ownedButSilent(dbFile: string): HeadgateError {
  return new HeadgateError(
    'TEMPORAL_START_FAILED',
    `Another Headgate process runs Temporal's server on ${dbFile}, and it does not answer. Stop that process, or set HEADGATE_DATA_DIR to another folder.`,
    { retryable: true },
  );
}

async function startClaimed(options: DevServerOptions, claim: ServerClaim): Promise<DevServer> {
  const serverLock = await lockWhenFree(options.dbFile, claim);
  let server: OwnedServer;
  try {
    await assertPortsFree(options);
    server = await spawnServer(options, claim, serverLock);
  } finally {
    serverLock.leave();
  }
  try {
    await server.untilReady();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function spawnServer(
  options: DevServerOptions,
  claim: ServerClaim,
  serverLock: FileLock,
): Promise<OwnedServer> {
  const { host = '127.0.0.1', port, uiPort } = options;
  const log = openServerLog(options.logFile);
  const child = spawn(options.binary, devServerArguments(options), {
    detached: true,
    // The last is for its lock alone: the server neither reads nor writes it.
    stdio: ['ignore', log.fd, log.fd, serverLock.fd],
  });
  log.close();
  const identity = await spawned(child, options.binary);
  const uiUrl = uiPort === undefined ? undefined : `http://${host}:${uiPort}`;
  const running = { process: identity, address: `${host}:${port}`, uiUrl };
  claim.write(running);
  return new OwnedServer(child, running, options, { log, claim });
}

/** Stops a server that was left behind, if it can be seen from here; one in another container is waited for. */
async function lockWhenFree(dbFile: string, claim: ServerClaim): Promise<FileLock> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const lock = claim.lockServer();
    if (lock !== undefined) return lock;
    const left = claim.leftBehind();
    if (left !== undefined) await stopProcess(left.process);
    if (performance.now() > deadline) throw leftBehindError(dbFile);
    await sleep(POLL_MS);
  }
}

async function assertPortsFree({ host = '127.0.0.1', port, uiPort }: DevServerOptions): Promise<void> {
  await assertPortFree(host, port, "Temporal's server", 'HEADGATE_TEMPORAL_PORT');
  if (uiPort !== undefined) await assertPortFree(host, uiPort, "Temporal's UI", 'HEADGATE_TEMPORAL_UI_PORT');
}

async function spawned(child: ChildProcess, binary: string): Promise<ProcessIdentity> {
  try {
    await once(child, 'spawn');
  } catch (error) {
    const text = `${binary} cannot be started: ${messageOf(error)}`;
    throw new HeadgateError('TEMPORAL_START_FAILED', text, { cause: error });
  }
  return identify(child.pid as number);
}

/** A server this process started: `starting` until it answers, then `ready`, `stopping` once told to, at last `ended`. */
class OwnedServer implements DevServer {
  readonly shared = false;
  readonly address: string;
  readonly uiUrl?: string;
  readonly pid: number;
  private state: 'starting' | 'ready' | 'stopping' | 'ended' = 'starting';
  private readonly ended: Promise<void>;

  constructor(
    private readonly child: ChildProcess,
    private readonly running: RunningServer,
    private readonly options: DevServerOptions,
    private readonly held: { readonly log: ServerLog; readonly claim: ServerClaim },
  ) {
    this.address = running.address;
    this.uiUrl = running.uiUrl;
    this.pid = running.process.pid;
    const callOffWatchdog = stopWithUs(this.pid);
    this.ended = endOf(child).then((exit) => {
      callOffWatchdog();
      held.claim.release();
      const unexpected = this.state === 'ready';
      this.state = 'ended';
      if (unexpected) options.onExit?.({ ...exit, log: held.log.tail(SHOWN_LOG_LINES) });
    });
    // The process is kept alive by what uses the server, not by the server.
    child.unref();
  }

  /** Returns when the namespace answers. */
  async untilReady(): Promise<void> {
    const deadline = performance.now() + READY_WITHIN_MS;
    while (!(await answersFor(this.address, this.options.namespace))) {
      if (this.state === 'ended') await this.explainEarlyEnd();
      if (performance.now() > deadline)
        throw this.startFailed(`did not answer within ${READY_WITHIN_MS / SECOND_MS} s`);
      await sleep(POLL_MS);
    }
    this.state = 'ready';
  }

  async stop(): Promise<void> {
    if (this.state === 'ended') return;
    this.state = 'stopping';
    this.child.ref();
    await stopProcess(this.running.process);
    await this.ended;
  }

  /** A port may have been taken between the look and the start. */
  private async explainEarlyEnd(): Promise<never> {
    await assertPortsFree(this.options);
    throw this.startFailed('ended at once');
  }

  private startFailed(what: string): HeadgateError {
    const log = this.held.log.tail(SHOWN_LOG_LINES);
    const text = `Temporal's server (${this.options.binary}) ${what}. The end of ${this.options.logFile}:\n${log}`;
    return new HeadgateError('TEMPORAL_START_FAILED', text, { details: { log } });
  }
}

function endOf(child: ChildProcess): Promise<Pick<DevServerExit, 'code' | 'signal'>> {
  return new Promise((resolve) => {
    const { exitCode: code, signalCode: signal } = child;
    if (code !== null || signal !== null) resolve({ code, signal });
    else child.once('exit', (exitCode, exitSignal) => resolve({ code: exitCode, signal: exitSignal }));
  });
}
