import { messageOf } from '../../errors.js';
import { ANSWERED, route } from '../route.js';
import { HEALTH, READINESS } from '../schemas/operation.js';
import { sharedAnswer } from '../../platform/shared-answer.js';

/** One thing a node needs to do its work. */
export interface ReadinessCheck {
  readonly name: string;
  /** Resolves when all is well; rejects with the reason when not. */
  readonly check: () => Promise<void> | void;
  /** True of what the API can do without for a while: events are taken and wait. The process is `degraded` then, and ready. */
  readonly degrades?: boolean;
}

/** Says that the process answers. */
export const LIVENESS_PATH = '/healthz';

/** Checks ask Temporal and the disk, and need no token. */
const KNOWN_FOR_MS = 500;

/** Whether a process is ready, and what its checks say. */
interface Readiness {
  readonly status: 'ready' | 'degraded' | 'not ready';
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly reason?: string }[];
}

/** What the routes of health need of the process. */
export interface HealthServices {
  readonly readinessNow: () => Promise<Readiness>;
}

/** Makes what looks whether a process is ready, twice a second at most. */
export function createReadiness(checks: readonly ReadinessCheck[]): HealthServices['readinessNow'] {
  return sharedAnswer(async () => {
    const results = await Promise.all(checks.map(run));
    const amiss = checks.filter((_check, index) => results[index]?.ok !== true);
    const ready = amiss.every(({ degrades }) => degrades === true);
    const degraded = amiss.length > 0 ? 'degraded' : 'ready';
    return { status: ready ? degraded : 'not ready', checks: results };
  }, KNOWN_FOR_MS);
}

/** `/healthz` and `/readyz`. Neither needs a token. */
export const HEALTH_ROUTES = [
  route(
    {
      id: 'getHealth',
      method: 'GET',
      path: LIVENESS_PATH,
      tag: 'Operation',
      summary: 'Say that the process answers',
      description: 'Restart the process where this fails.',
      answer: { status: 200, description: 'It answers.', schema: HEALTH },
      examples: [{ name: 'well', summary: 'It answers', answer: { status: 'ok' } }],
    },
    () => Promise.resolve({ status: 'ok' as const }),
  ),
  route(
    {
      id: 'getReadiness',
      method: 'GET',
      path: '/readyz',
      tag: 'Operation',
      summary: 'Say whether the process takes events',
      description:
        'Send it no requests where this fails. While only what it can do without for a while fails, it is `degraded`, and ready.',
      answer: {
        status: 200,
        description: 'It takes events.',
        schema: READINESS,
        others: { 503: 'It takes no events.' },
      },
      examples: [
        {
          name: 'ready',
          summary: 'All is well',
          answer: { status: 'ready', checks: [{ name: 'spool', ok: true }] },
        },
      ],
    },
    async ({ readinessNow }: HealthServices, { ctx }) => {
      const readiness = await readinessNow();
      ctx.status = readiness.status === 'not ready' ? 503 : 200;
      ctx.body = readiness;
      return ANSWERED;
    },
  ),
];

async function run({ name, check }: ReadinessCheck): Promise<{ name: string; ok: boolean; reason?: string }> {
  try {
    await check();
    return { name, ok: true };
  } catch (error) {
    return { name, ok: false, reason: messageOf(error) };
  }
}
