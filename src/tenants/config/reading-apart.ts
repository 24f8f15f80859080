import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { HeadgateError, type ErrorCode } from '../../errors.js';
import type { Turns } from '../../platform/event-loop-turns.js';
import type { assertColumnsKept } from './columns-kept.js';
import { editSubscription, type Edited } from './edit-subscriptions.js';
import { withoutSecrets } from './left-out-secrets.js';
import { parseTenantConfig } from './parse.js';
import { assertReach } from './reach.js';
import type { TenantConfig } from './tenant-config.js';
import { compilingTenant, type LoadedTenant, type Reading } from './tenant-file.js';

/** What the thread is asked. */
export type Question = { readonly id: number } & (
  | { readonly what: 'parse'; readonly input: Parameters<typeof parseTenantConfig> }
  | { readonly what: 'withoutSecrets'; readonly input: Parameters<typeof withoutSecrets> }
  | { readonly what: 'assertColumnsKept'; readonly input: Parameters<typeof assertColumnsKept> }
  | { readonly what: 'assertReach'; readonly input: Parameters<typeof assertReach> }
  | { readonly what: 'editSubscription'; readonly input: Parameters<typeof editSubscription> }
);

/** What it answers. */
export type Answer = { readonly id: number } & (
  | { readonly value: unknown }
  | {
      readonly failed: {
        /** Absent for what is no problem of the text. */
        readonly code?: ErrorCode;
        readonly message: string;
        readonly details?: HeadgateError['details'];
      };
    }
);

/** What {@link ReadingApart} goes by. */
export interface ReadingApartOptions {
  /** Shares the event loop between what is compiled and everything else. */
  readonly turns: Turns;
  /** A text of at most this number of characters is read at once: some 8 ms. Default 8,192. */
  readonly smallChars?: number;
  /** Milliseconds after the last text until the thread and its memory are given back. Default 10,000. */
  readonly idleMs?: number;
}

/** Made by the build; run from `src` as well as from `dist`. */
const MAIN = fileURLToPath(new URL('../../../dist/tenants/config/reading-thread.js', import.meta.url));

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Reads tenants' files while everybody is served. YAML of the megabyte that a file may have takes a second or two, so what
 * is not small is parsed and checked in a thread, which there is only while there is something to read. What it comes to is
 * compiled here, since closures cannot be handed over: rule by rule, in the tenant's turns.
 */
export class ReadingApart implements Reading {
  private thread: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private idle: NodeJS.Timeout | undefined;
  private asked = 0;

  constructor(private readonly options: ReadingApartOptions) {}

  async parse(text: string, fileName: string): Promise<TenantConfig> {
    if (this.isSmall(text)) return parseTenantConfig(text, fileName);
    return (await this.ask({ id: this.asked++, what: 'parse', input: [text, fileName] })) as TenantConfig;
  }

  compile(config: TenantConfig, text: string): Promise<LoadedTenant> {
    return this.options.turns.stepByStep(config.tenant, compilingTenant(config, text));
  }

  /** See {@link withoutSecrets}. */
  async withoutSecrets(text: string): Promise<string> {
    if (this.isSmall(text)) return withoutSecrets(text);
    return (await this.ask({ id: this.asked++, what: 'withoutSecrets', input: [text] })) as string;
  }

  /** See {@link assertColumnsKept}; earlier files may be large where this one is not. */
  async assertColumnsKept(
    ...[versions, file, fileName]: Parameters<typeof assertColumnsKept>
  ): Promise<void> {
    const { config, text, version } = file;
    if ((config.warehouse.promote ?? []).length === 0) return;
    const input: Parameters<typeof assertColumnsKept> = [versions, { config, text, version }, fileName];
    await this.ask({ id: this.asked++, what: 'assertColumnsKept', input });
  }

  /** See {@link assertReach}. */
  async assertReach(...[file, ...others]: Parameters<typeof assertReach>): Promise<void> {
    const { config, text } = file;
    if (this.isSmall(text)) return assertReach({ config, text }, ...others);
    await this.ask({ id: this.asked++, what: 'assertReach', input: [{ config, text }, ...others] });
  }

  /** See {@link editSubscription}. */
  async editSubscription(...input: Parameters<typeof editSubscription>): Promise<Edited> {
    if (this.isSmall(input[0])) return editSubscription(...input);
    return (await this.ask({ id: this.asked++, what: 'editSubscription', input })) as Edited;
  }

  /** Ends the thread; what it was asked fails. */
  async close(): Promise<void> {
    clearTimeout(this.idle);
    const { thread } = this;
    if (thread === undefined) return;
    this.ended(thread, new Error('no more tenant files are read'));
    await thread.terminate();
  }

  private isSmall(text: string): boolean {
    return text.length <= (this.options.smallChars ?? 8_192);
  }

  private ask(question: Question): Promise<unknown> {
    clearTimeout(this.idle);
    this.thread ??= this.start();
    const { thread } = this;
    return new Promise((resolve, reject) => {
      this.waiting.set(question.id, { resolve, reject });
      thread.ref();
      thread.postMessage(question);
    });
  }

  private start(): Worker {
    // Without the flags of this process: they may be a profiler's, or a loader's.
    const thread = new Worker(MAIN, { execArgv: [] });
    thread.on('message', (answer: Answer) => this.answered(answer));
    const ended = (error: Error): void => this.ended(thread, error);
    thread.on('error', ended);
    thread.on('exit', () => ended(new Error('the thread that reads tenant files has ended')));
    return thread;
  }

  private answered(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (this.waiting.size === 0) this.rest();
    if ('value' in answer) return waiting?.resolve(answer.value);
    const { code, message, details } = answer.failed;
    waiting?.reject(code === undefined ? new Error(message) : new HeadgateError(code, message, { details }));
  }

  private rest(): void {
    this.thread?.unref();
    this.idle = setTimeout(() => void this.close(), this.options.idleMs ?? 10_000).unref();
  }

  /** One that was given back may end when another has begun. */
  private ended(thread: Worker, error: Error): void {
    if (thread !== this.thread) return;
    this.thread = undefined;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
