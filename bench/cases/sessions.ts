import { startHeadgate, type HeadgateOptions } from '../system/headgate.js';
import type { System } from '../system/system.js';
import { Session } from './session.js';
import { QUICK_TENANTS } from './traffic.js';

/** Of the Headgate that quick cases share: windows end soon. */
const SHARED: HeadgateOptions = { tenants: QUICK_TENANTS, window: '1s' };

/**
 * Gives each case a system of its own, stopped after it. In a quick run all cases on a Headgate without environment
 * variables and subscriptions of its own share one, without limits: starting and stopping would take most of the time. Its account then
 * goes over all cases so far.
 */
export class Sessions {
  private shared?: Session;

  constructor(
    private readonly quick: boolean,
    /** A directory for CPU profiles; see {@link HeadgateOptions}. */
    readonly cpuProfiles?: string,
  ) {}

  /** Runs `work` on Headgate. */
  async onHeadgate<T>(
    options: HeadgateOptions,
    progress: (text: string) => void,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const { cpuProfiles } = this;
    if (!this.quick) return this.on(() => startHeadgate({ ...options, cpuProfiles }), progress, work);
    if (options.env !== undefined || options.deliver !== undefined)
      return this.on(() => startHeadgate({ ...options, cpuProfiles, window: SHARED.window }), progress, work);
    progress('starting');
    this.shared ??= await Session.open(await startHeadgate({ ...SHARED, cpuProfiles }));
    this.shared.progress = progress;
    return work(this.shared);
  }

  /** Runs `work` on a system and stops that, however the work ends. */
  async on<T>(
    start: () => Promise<System>,
    progress: (text: string) => void,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    progress('starting');
    const session = await Session.open(await start());
    session.progress = progress;
    try {
      return await work(session);
    } finally {
      progress('stopping');
      await session.close();
    }
  }

  /** Stops what cases share. */
  async close(): Promise<void> {
    await this.shared?.close();
  }
}
