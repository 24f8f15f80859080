import Router from '@koa/router';
import Koa from 'koa';
import { createAuthenticator } from '../../src/api/authenticate.js';
import { problems } from '../../src/api/problem.js';
import { addEventRoutes } from '../../src/api/routes/events.js';
import { listen, type ListeningApi } from '../../src/api/server.js';
import type { Config } from '../../src/config.js';
import type { EventRow } from '../../src/event.js';
import type { Ingest } from '../../src/ingest/ingest.js';
import { openKeySet } from '../../src/keys/key-set.js';
import type { Logger } from '../../src/observability/logger.js';
import type { TenantRegistry } from '../../src/tenant-config/registry.js';

/** A valid event in canonical form, and the same as JSON. */
export interface TakenEvent {
  readonly row: EventRow;
  readonly json: string;
}

/** Makes a request's events durable; the request is answered when it resolves. */
export type Accept = (tenant: string, events: readonly TakenEvent[]) => Promise<void>;

/** What {@link openDoor} needs. */
export interface DoorOptions {
  readonly config: Config;
  readonly registry: TenantRegistry;
  readonly accept: Accept;
  readonly log: Logger;
}

/** Headgate's own HTTP door, with the same authentication, parsing and validation, over another way of keeping events. */
export async function openDoor({ config, registry, accept, log }: DoorOptions): Promise<ListeningApi> {
  const authenticate = createAuthenticator({
    keys: await openKeySet(config),
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    standingOf: (tenant) => (registry.get(tenant) === undefined ? 'unknown' : 'active'),
  });
  const app = new Koa();
  app.silent = true;
  const router = new Router();
  addEventRoutes(router, authenticate, ingestOver(accept));
  app.use(problems(log));
  app.use(router.routes());
  return listen(app, config.host, config.port);
}

/** What the routes ask of ingest: no admission and no dedupe stand between them and the keeping. */
function ingestOver(accept: Accept): Ingest {
  const ingest = {
    async accept(tenant: string, _stream: string, events: readonly (EventRow | TakenEvent)[]) {
      await accept(tenant, events.map(taken));
      return events.map(() => 'accepted');
    },
  };
  return ingest as unknown as Ingest;
}

function taken(event: EventRow | TakenEvent): TakenEvent {
  return 'row' in event ? event : { row: event, json: JSON.stringify(event) };
}
