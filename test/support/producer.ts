import { setTimeout as sleep } from 'node:timers/promises';
import { sendLines, type SendTally } from '../../packages/client/src/send.js';
import { signToken } from '../../src/keys/key-set.js';
import type { InputStream } from '../../src/events/event.js';
import { expectedDecisions, readWeek, type FlightEvent } from './flights.js';
import type { TenantExpectation } from './parquet.js';

/** Where to send, and how fast. */
export interface ProducerOptions {
  readonly url: string;
  readonly dataDir: string;
  /** Events in a request. */
  readonly requestEvents?: number;
  /** Pause before each request's worth of events, in milliseconds: what makes a week last long enough to be disturbed. */
  readonly pauseMs?: number;
}

/** A token of a tenant, signed with the development key. */
export function tokenFor(dataDir: string, tenant: string, scope: string): Promise<string> {
  const claims = { issuer: 'headgate', audience: 'headgate', expiresInSeconds: 3_600 };
  return signToken(dataDir, { tenant, scope, ...claims });
}

/**
 * Sends what a tenant has: its properties, and its events when those are acknowledged. Tries again for as long as it
 * takes, as any producer that wants its events kept. Every event it returns for has been acknowledged.
 */
export async function sendTenant(
  tenant: string,
  { events, properties }: TenantExpectation,
  options: ProducerOptions,
): Promise<Record<InputStream, SendTally>> {
  return {
    'user-properties': await sendStream(tenant, 'user-properties', properties, options),
    events: await sendStream(tenant, 'events', events, options),
  };
}

async function sendStream(
  tenant: string,
  stream: InputStream,
  events: readonly FlightEvent[],
  { url, dataDir, requestEvents = 100, pauseMs = 0 }: ProducerOptions,
): Promise<SendTally> {
  async function* lines() {
    for (const [index, event] of events.entries()) {
      if (pauseMs > 0 && index % requestEvents === 0) await sleep(pauseMs);
      yield JSON.stringify(event);
    }
  }
  const token = () => tokenFor(dataDir, tenant, `${stream}:write`);
  return sendLines({ url, token, stream, lines: lines(), requestEvents });
}

/** The weeks of some of the flights' tenants, `perTenant` events of each at most, and the decisions they must come to. */
export function weeksOf(tenants: readonly string[], perTenant = Infinity): Map<string, TenantExpectation> {
  const [events, properties] = [readWeek('events'), readWeek('user-properties')];
  return new Map(
    tenants.map((tenant) => {
      const sent = (events.get(tenant) ?? []).slice(0, perTenant);
      const register = properties.get(tenant) ?? [];
      const decisions = expectedDecisions(sent, register);
      return [tenant, { events: sent, properties: register, decisions }];
    }),
  );
}
