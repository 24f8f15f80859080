import {
  text,
  flag,
  anything,
  literal,
  choice,
  list,
  optional,
  closed,
  object,
} from '../../platform/json-schema.js';

/** What `/healthz` answers. */
export const HEALTH = closed({ status: literal('ok') });

/** What `/readyz` answers. */
export const READINESS = closed(
  {
    status: choice(['ready', 'degraded', 'not ready'], {
      description: '`degraded`: events are taken, and wait for what fails.',
    }),
    checks: list(
      closed({
        name: text(),
        ok: flag(),
        reason: optional(text({ description: 'What fails.' })),
      }),
    ),
  },
  { title: 'Readiness' },
);

/** What `/openapi.json` answers. */
export const OPENAPI = object(
  { openapi: text(), info: anything(), paths: anything(), components: anything() },
  { description: 'See the OpenAPI specification, version 3.1.' },
);
