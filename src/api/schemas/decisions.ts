import {
  text,
  anything,
  choice,
  list,
  map,
  optional,
  closed,
  count,
  moment,
} from '../../platform/json-schema.js';
import { FAULTS } from '../../reference/errors/events.js';
import type { FaultCode } from '../../expressions/fault.js';

/** What a rule said of a subject. */
export const OUTCOME = choice(['eligible', 'ineligible']);

/** The rules in force, and what each has said. */
export const RULES = closed(
  {
    since: moment('Since when decisions are counted: when the process started.'),
    rules: list(
      closed(
        {
          name: text(),
          version: text({ description: 'Changes with the rule, and with the aggregates that it uses.' }),
          on: list(text(), { description: 'Types of the events that it is evaluated on.' }),
          when: text({ description: "Its condition, as in the tenant's file." }),
          aggregates: list(text(), { description: 'Those that it uses.' }),
          eligible: count('Decisions of this version that came out so.'),
          ineligible: count('The others.'),
        },
        { title: 'RuleInForce' },
      ),
      { description: "In the order of the tenant's file." },
    ),
  },
  { title: 'Rules' },
);

/** What is known of a subject, and decided about it. */
export const SUBJECT = closed(
  {
    subject: text(),
    mergedInto: optional(
      text({
        description:
          'Whom the subject is merged into, and whose properties and decisions these are; absent where it is merged into none.',
      }),
    ),
    profile: map(anything(), { description: 'Its user properties.' }),
    decisions: list(
      closed(
        {
          rule: text(),
          ruleVersion: text(),
          outcome: OUTCOME,
          reason: text({ description: 'Which condition failed; or that all hold.' }),
          eventId: text({ description: 'The event that was decided on.' }),
          eventSource: optional(
            text({ description: "The event's source; absent in what version 0.1.0 has decided." }),
          ),
          time: text({ description: "The event's time, RFC 3339." }),
        },
        { title: 'CurrentDecision' },
      ),
      { description: 'Of each rule in force that has been evaluated on the subject, the latest decision.' },
    ),
    failures: optional(
      list(
        closed(
          {
            aggregate: text(),
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
