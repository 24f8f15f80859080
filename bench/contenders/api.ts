import Router from '@koa/router';
import Koa from 'koa';
import { createAuthenticator } from '../../src/api/authenticate.js';
import { createGuard } from '../../src/api/guard.js';
import { problems } from '../../src/api/problem.js';
import { RefusedTokens } from '../../src/api/refused-tokens.js';
import { mount } from '../../src/api/mount.js';
import { EVENT_ROUTES } from '../../src/api/routes/events.js';
import { listen, type ListeningApi } from '../../src/api/server.js';
import type { Config } from '../../src/config.js';
import { Admission } from '../../src/ingest/admission/admission.js';
import { UnderWay } from '../../src/ingest/under-way.js';
import type { TakenEvent } from '../../src/ingest/fresh.js';
import type { Acceptance, Ingest } from '../../src/ingest/ingest.js';
import { Turns } from '../../src/platform/event-loop-turns.js';
import { openKeySet } from '../../src/keys/key-set.js';
import type { Logger } from '../../src/platform/logger.js';
import type { TenantRegistry } from '../../src/tenants/config/registry.js';

/** Makes a request's events durable; the request is answered when it resolves. */
export type Accept = (tenant: string, events: readonly TakenEvent[]) => Promise<void>;

/** What {@link startApi} needs. */
export interface StartApiOptions {
  readonly config: Config;
  readonly registry: TenantRegistry;
  readonly accept: Accept;
  readonly log: Logger;
}

/** Headgate's own HTTP API, with the same authentication, parsing and validation, over another way of keeping events. */
export async function startApi({ config, registry, accept, log }: StartApiOptions): Promise<ListeningApi> {
  const authenticate = createAuthenticator({
    keys: await openKeySet(config),
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    tenantStatusOf: (tenant) => (registry.get(tenant) === undefined ? 'unknown' : 'active'),
  });
  const app = new Koa();
  app.silent = true;
  const router = new Router();
  const refusedTokens = new RefusedTokens({ log });
  const guard = createGuard({ authenticate, admission: openAdmission(), refusedTokens });
  mount(router, EVENT_ROUTES, { ingest: ingestOver(accept) }, guard);
  app.use(problems(log));
  app.use(router.routes());
  return listen(app, config.host, config.port);
}

/** What the routes ask of ingest: no dedupe stands between them and the keeping. */
function ingestOver(accept: Accept): Pick<Ingest, 'accept' | 'arrivals' | 'turns'> {
  return {
    arrivals: new UnderWay(),
    turns: new Turns(),
    accept: (tenant, _stream, events): Acceptance => ({
      receipts: events.map(() => 'accepted'),
      written: accept(tenant, events),
    }),
  };
}

/** Admits everything: as with Headgate, whose limits are set as high. */
function openAdmission(): Admission {
  return new Admission({
    limitsOf: () => ({ eventsPerSecond: 1e9, bytesPerSecond: 1e12, requestsPerSecond: 1e9 }),
    backlogOf: () => ({ bytes: 0 }),
    spoolBytes: () => 0,
    maxSpoolBytes: 1e12,
    freeDiskBytes: () => 1e12,
    minFreeDiskBytes: 0,
  });
}
