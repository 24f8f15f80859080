import { text } from '../../platform/json-schema.js';
import { HeadgateError } from '../../errors.js';
import type { Decider } from '../../eligibility/decider.js';
import { failedFolds } from '../../rules/failed-folds.js';
import { route } from '../route.js';
import { SUBJECT } from '../schemas/decisions.js';

/** `GET /v1/eligibility/{subject}`: the current decision of every rule in force that has been evaluated on the subject. */
export const ELIGIBILITY_ROUTES = [
  route(
    {
      id: 'getEligibility',
      method: 'GET',
      path: '/v1/eligibility/{subject}',
      tag: 'Decisions',
      scope: 'decisions:read',
      summary: 'Show the decisions about a subject',
      description: "A subject's properties, and the latest decision of each rule in force.",
      params: {
        subject: text({
          description: 'The subject, as events name it.',
          minLength: 1,
          maxLength: 512,
          examples: ['c-7'],
        }),
      },
      answer: { status: 200, description: 'What is known of the subject.', schema: SUBJECT },
      errors: ['NOT_FOUND', 'STATE_UNAVAILABLE'],
      examples: [
        {
          name: 'decided',
          summary: 'A subject with properties and a decision',
          answer: {
            subject: 'c-7',
            profile: { plan: 'silver', seats: 3 },
            decisions: [
              {
                rule: 'free_shipping',
                outcome: 'ineligible',
                reason: 'aggregates.spent = 60 and profile.plan = "silver"',
                ruleVersion: '3f2a9c01d4e5',
                eventId: 'order-1',
                eventSource: '/shop',
                time: '2024-03-10T12:00:00.000Z',
              },
            ],
          },
        },
      ],
    },
    async (
      { decider }: { readonly decider: Pick<Decider, 'subject' | 'rulesInForce'> },
      { tenant, params: { subject = '' } },
    ) => {
      const known = subject.length > 0 && subject.length <= 512;
      const record = known ? await decider.subject(tenant, subject) : undefined;
      if (record === undefined) {
        throw new HeadgateError(
          'NOT_FOUND',
          'Nothing has been decided about this subject, and it has no properties.',
        );
      }
      const inForce = decider.rulesInForce(tenant);
      const decisions = (inForce?.rules ?? []).flatMap(({ name }) => {
        const decision = Object.hasOwn(record.decisions, name) ? record.decisions[name] : undefined;
        return decision === undefined ? [] : [{ rule: name, ...decision }];
      });
      const failures = inForce === undefined ? [] : failedFolds(inForce, record.state);
      return {
        subject,
        profile: record.profile?.values ?? {},
        decisions,
        ...(failures.length > 0 && { failures }),
      };
    },
  ),
];
