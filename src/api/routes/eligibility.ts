import type Router from '@koa/router';
import type { Context } from 'koa';
import { HeadgateError } from '../../errors.js';
import type { Decider } from '../../eligibility/decider.js';
import { failedFolds } from '../../rules/failed-folds.js';
import { callerOf } from '../authenticate.js';
import type { Guard } from '../guard.js';

/** Adds `GET /v1/eligibility/:subject`: the current decision of every rule in force that has been evaluated on the subject. */
export function addEligibilityRoutes(
  router: Router,
  guard: Guard,
  decider: Pick<Decider, 'subject' | 'rulesInForce'>,
): void {
  router.get(
    '/v1/eligibility/:subject',
    guard('decisions:read'),
    async (ctx: Context & { params: Record<string, string> }) => {
      const { tenant } = callerOf(ctx);
      const subject = ctx.params.subject ?? '';
      const known = subject.length > 0 && subject.length <= 512;
      const record = known ? await decider.subject(tenant, subject) : undefined;
      if (record === undefined) {
        throw new HeadgateError(
          'NOT_FOUND',
          'Nothing has been decided about this subject, and it has no properties.',
        );
      }
      const inForce = decider.rulesInForce(tenant);
      const decisions = (inForce?.rules ?? [])
        .filter(({ name }) => Object.hasOwn(record.decisions, name))
        .map(({ name }) => ({ rule: name, ...record.decisions[name] }));
      const failures = inForce === undefined ? [] : failedFolds(inForce, record.state);
      ctx.body = JSON.stringify({
        subject,
        profile: record.profile?.values ?? {},
        decisions,
        ...(failures.length > 0 && { failures }),
      });
      ctx.type = 'application/json';
    },
  );
}
