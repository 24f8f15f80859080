import { choice, closed, integer, list, moment, optional, text } from '../../platform/json-schema.js';
import { ALLOWED_ORIGINS, EVENT_TYPES, SOURCE_NAME as NAME } from '../../sources/source-file.js';
import { overlapSeconds } from './secrets.js';
import { REASON } from './tenants.js';

const NAMED = { pattern: `^${NAME}$`, examples: ['web'] };

/** Path parameter: a source's name. */
export const SOURCE_NAME = text({ ...NAMED, description: "The source's name." });

/** Path parameter: a key's number. */
export const KEY_ID = text({
  pattern: '^[1-9][0-9]{0,15}$',
  description: "The key's `id`.",
  examples: ['1'],
});

const SETTINGS = {
  allowedOrigins: optional({
    ...ALLOWED_ORIGINS,
    description: 'Origins of pages that may send with its keys, as browsers name them. Absent: any.',
  }),
  eventTypes: optional({
    ...EVENT_TYPES,
    description: 'Types of events that it may send, exactly or by their beginning: `track.*`. Absent: any.',
  }),
};

/** Body that creates a source. */
export const SOURCE_BODY = closed(
  { name: text({ ...NAMED, description: 'Of those of its tenant.' }), ...SETTINGS, reason: REASON },
  { title: 'NewSource' },
);

/** Body that replaces what a source may send. */
export const SETTINGS_BODY = closed({ ...SETTINGS, reason: REASON }, { title: 'SourceSettings' });

/** Body that makes a key. */
export const KEY_BODY = closed({ reason: REASON }, { title: 'NewSourceKey' });

/** Body that rotates keys. */
export const KEY_ROTATION_BODY = closed(
  { overlapSeconds: overlapSeconds('How long the keys before stay valid.'), reason: REASON },
  { title: 'SourceKeyRotation' },
);

const SHOWN = {
  name: text(),
  madeAt: moment('When it was made.'),
  by: text({ description: 'Who made it.' }),
  ...SETTINGS,
  keys: list(
    closed({
      id: integer(),
      ends: text({ description: 'Its last four characters.' }),
      madeAt: moment('When it was made.'),
      by: text({ description: 'Who made it.' }),
      validUntil: optional(moment('The end of its overlap, where it was rotated.')),
    }),
    { description: 'What is valid now, the newest first. Never the keys themselves.' },
  ),
};

/** The sources of a tenant. */
export const SOURCES = closed(
  { sources: list(closed(SHOWN, { title: 'Source' }), { description: 'By name.' }) },
  { title: 'SourceList' },
);

/** A source that was changed. */
export const SOURCE_CHANGED = closed(
  {
    ...SHOWN,
    change: choice([
      'source-created',
      'source-replaced',
      'source-deleted',
      'source-key-made',
      'source-keys-rotated',
      'source-key-revoked',
    ]),
    number: integer({ description: "Of the change in the tenant's history." }),
    key: optional(
      text({ description: 'What was made. It is shown here, and never again: nobody can read it back.' }),
    ),
  },
  { title: 'SourceChanged' },
);
