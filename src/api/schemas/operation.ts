import { Type } from '@sinclair/typebox';
import { choice, closed } from '../../platform/json-schema.js';

/** What `/healthz` answers. */
export const HEALTH = closed({ status: Type.Literal('ok') });

/** What `/readyz` answers. */
export const READINESS = closed(
  {
    status: choice(['ready', 'degraded', 'not ready'], {
      description: '`degraded`: events are taken, and wait for what fails.',
    }),
    checks: Type.Array(
      closed({
        name: Type.String(),
        ok: Type.Boolean(),
        reason: Type.Optional(Type.String({ description: 'What fails.' })),
      }),
    ),
  },
  { title: 'Readiness' },
);

/** What `/openapi.json` answers. */
export const OPENAPI = Type.Object(
  { openapi: Type.String(), info: Type.Unknown(), paths: Type.Unknown(), components: Type.Unknown() },
  { description: 'See the OpenAPI specification, version 3.1.' },
);
