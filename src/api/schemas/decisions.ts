import { Type } from '@sinclair/typebox';
import { FAULTS } from '../../reference/errors/events.js';
import type { FaultCode } from '../../expressions/fault.js';
import { choice, closed, count, moment } from '../../platform/json-schema.js';

/** What a rule said of a subject. */
export const OUTCOME = choice(['eligible', 'ineligible']);

/** What is known of a subject, and decided about it. */
export const SUBJECT = closed(
  {
    subject: Type.String(),
    profile: Type.Record(Type.String(), Type.Unknown(), { description: 'Its user properties.' }),
    decisions: Type.Array(
      closed(
        {
          rule: Type.String(),
          ruleVersion: Type.String(),
          outcome: OUTCOME,
          reason: Type.String({ description: 'Which condition failed; or that all hold.' }),
          eventId: Type.String({ description: 'The event that was decided on.' }),
          eventSource: Type.Optional(
            Type.String({ description: "The event's source; absent in what version 0.1.0 has decided." }),
          ),
          time: Type.String({ description: "The event's time, RFC 3339." }),
        },
        { title: 'CurrentDecision' },
      ),
      { description: 'Of each rule in force that has been evaluated on the subject, the latest decision.' },
    ),
    failures: Type.Optional(
      Type.Array(
        closed(
          {
            aggregate: Type.String(),
            count: count('Events that could not be folded.'),
            code: choice(Object.keys(FAULTS) as FaultCode[], {
              description: 'Why the last one that came could not be.',
            }),
            time: moment('Of the last one that came: the time of the event.'),
          },
          { title: 'FailedFold' },
        ),
        { description: "Events that the subject's aggregates could not fold; absent where there are none." },
      ),
    ),
  },
  { title: 'Subject' },
);
