import { choice, closed, integer, list, moment, optional, text } from '../../platform/json-schema.js';
import { SECRET_KINDS } from '../../stores/secrets/secret-file.js';
import { SECRET_NAME as NAME } from '../../tenants/config/secret-reference.js';
import { REASON } from './tenants.js';

const NAMED = { pattern: `^${NAME}$`, examples: ['crm'] };

/** Path parameter: a secret's name. */
export const SECRET_NAME = text({ ...NAMED, description: "The secret's name." });

const VALUE = optional(
  text({
    minLength: 1,
    maxLength: 4_096,
    writeOnly: true,
    description: 'Default: a new random one, which is in the answer. A `text` has to be given.',
  }),
);

const KIND = {
  description: '`hmac` (`whsec_…`) and `ed25519` (`whsk_…`) sign webhooks; `text` is the value of a header.',
};

/** Body that makes a secret. */
export const SECRET_BODY = closed(
  {
    name: text({ ...NAMED, description: "The tenant's file refers to it as `secret:<name>`." }),
    kind: choice(SECRET_KINDS, { ...KIND, default: 'hmac' }),
    value: VALUE,
    reason: REASON,
  },
  { title: 'NewSecret' },
);

/** How long what is rotated stays valid: a day, 31 at most. */
export function overlapSeconds(description: string) {
  return integer({ minimum: 0, maximum: 2_678_400, default: 86_400, description });
}

/** Body that rotates a secret. */
export const ROTATION_BODY = closed(
  {
    value: VALUE,
    overlapSeconds: overlapSeconds(
      'How long the values before stay valid. Webhooks are signed with all that are.',
    ),
    reason: REASON,
  },
  { title: 'SecretRotation' },
);

/** What is revoked, and why. */
export const REVOCATION_QUERY = closed({
  id: optional(integer({ minimum: 1, description: 'One value alone. Absent: all of the secret.' })),
  reason: REASON,
});

const SHOWN = {
  name: text(),
  kind: choice(SECRET_KINDS, KIND),
  values: list(
    closed({
      id: integer(),
      madeAt: moment('When it was made.'),
      by: text({ description: 'Who made it.' }),
      validUntil: optional(moment('The end of its overlap, where there is a newer one.')),
      publicKey: optional(text({ description: 'Of `ed25519`: what receivers verify by.' })),
    }),
    { description: 'What is valid now, the newest first. Never the values themselves.' },
  ),
  usedBy: list(text(), { description: 'Subscriptions and sources that refer to it.' }),
};

/** The secrets of a tenant. */
export const SECRETS = closed(
  { secrets: list(closed(SHOWN, { title: 'Secret' }), { description: 'By name.' }) },
  { title: 'SecretList' },
);

/** A secret that was changed. */
export const SECRET_CHANGED = closed(
  {
    ...SHOWN,
    change: choice(['secret-made', 'secret-rotated', 'secret-revoked']),
    number: integer({ description: "Of the change in the tenant's history." }),
    value: optional(
      text({ description: 'What was made. It is shown here, and never again: nobody can read it back.' }),
    ),
  },
  { title: 'SecretChanged' },
);
