import { text } from '../../platform/json-schema.js';
import { HeadgateError } from '../../errors.js';
import type { Decider } from '../../eligibility/decider.js';
import { failedFolds } from '../../rules/failed-folds.js';
import { route } from '../route.js';
import { RULES, SUBJECT } from '../schemas/decisions.js';

/** What the routes of decisions need of the server. */
export interface DecisionServices {
  readonly decider: Pick<Decider, 'canonical' | 'rulesInForce' | 'counts'>;
}

/** `GET /v1/rules`: what each rule in force has said. `GET /v1/eligibility/{subject}`: the current decision of every rule in force that has been evaluated on the subject. */
export const ELIGIBILITY_ROUTES = [
  route(
    {
      id: 'listRules',
      method: 'GET',
      path: '/v1/rules',
      tag: 'Decisions',
      scope: 'decisions:read',
      summary: 'List rules',
      description:
        'The rules in force, and how many of their decisions came out how since the process started. A replay says what other rules would have decided.',
      answer: { status: 200, description: 'The rules.', schema: RULES },
      examples: [
        {
          name: 'all',
          summary: 'One rule',
          answer: {
            since: '2024-03-10T06:00:00.000Z',
            rules: [
              {
                name: 'free_shipping',
                version: '3f2a9c01d4e5',
                on: ['order.paid'],
                when: 'aggregates.spent >= 100 || profile.plan == "gold"',
                aggregates: ['spent'],
                eligible: 12,
                ineligible: 88,
              },
            ],
          },
        },
      ],
    },
    async ({ decider }: DecisionServices, { tenant }) => {
      const inForce = decider.rulesInForce(tenant)?.rules ?? [];
      decider.counts.keep(tenant, inForce);
      const rules = inForce.map(({ name, version, on, when, aggregates }) => ({
        name,
        version,
        on,
        when: when.source,
        aggregates,
        ...decider.counts.read(tenant, name, version),
      }));
      return { since: new Date(decider.counts.since).toISOString(), rules };
    },
  ),
  route(
    {
      id: 'getEligibility',
      method: 'GET',
      path: '/v1/eligibility/{subject}',
      tag: 'Decisions',
      scope: 'decisions:read',
      summary: 'Show the decisions about a subject',
      description:
        "A subject's properties, and the latest decision of each rule in force. Of a subject that is merged into another, they are the other's.",
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
    async ({ decider }: DecisionServices, { tenant, params: { subject = '' } }) => {
      const known = subject.length > 0 && subject.length <= 512;
      const canonical = known ? await decider.canonical(tenant, subject) : undefined;
      const record = canonical?.record;
      if (canonical === undefined || record === undefined) {
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
        ...(canonical.subject !== subject && { mergedInto: canonical.subject }),
        profile: record.profile?.values ?? {},
        decisions,
        ...(failures.length > 0 && { failures }),
      };
    },
  ),
];
