import type { Context } from 'koa';
import { codeOf } from '../../errors.js';
import type { IngestAnswer } from '../schemas/events.js';
import { takeEvents, type EventServices } from '../take-events.js';
import type { Admitted } from './source-guard.js';
import { readWebhookBody } from './webhook-body.js';
import { webhookEvent } from './webhook-event.js';

/** A challenge has a text of some dozen characters, and two more fields. */
const MOST_CHALLENGE_BYTES = 4_096;

/**
 * Makes the event of a webhook and takes it as events are taken that a token brings; answers 200 with one word, once the
 * event is on disk. What Slack asks to see whether an address is its app's is answered, and becomes no event.
 * @throws HeadgateError what {@link takeEvents} throws
 */
export async function takeWebhook(
  services: EventServices,
  ctx: Context,
  tenant: string,
  { source, body, content }: Admitted,
): Promise<void> {
  const { kind } = source.verify;
  ctx.status = 200;
  ctx.type = 'text/plain';
  const challenge = kind === 'slack' ? challengeIn(body) : undefined;
  if (challenge !== undefined) {
    ctx.body = challenge;
    return;
  }
  try {
    const event = (): { length: 1; at: () => ReturnType<typeof webhookEvent> } => {
      const made = webhookEvent(source, { request: ctx.req, body, content });
      return { length: 1, at: () => made };
    };
    const answer = JSON.parse(await takeEvents(services, tenant, 'events', ctx, event)) as IngestAnswer;
    // What answers a command of Slack's is shown to who gave it.
    ctx.body = kind === 'slack' ? '' : (answer.results[0]?.status ?? '');
  } catch (error) {
    // It would send the same three times more.
    if (kind === 'slack' && codeOf(error) === 'NOTHING_ACCEPTED') ctx.set('X-Slack-No-Retry', '1');
    throw error;
  }
}

/** @see https://docs.slack.dev/reference/events/url_verification */
function challengeIn(body: Buffer): string | undefined {
  if (body.length > MOST_CHALLENGE_BYTES || !body.includes('url_verification')) return undefined;
  const { value } = readWebhookBody('slack', undefined, body);
  const { type, challenge } = value as { type?: unknown; challenge?: unknown };
  return type === 'url_verification' && typeof challenge === 'string' ? challenge : undefined;
}
