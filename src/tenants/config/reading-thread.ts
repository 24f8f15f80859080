/** The thread of {@link ReadingApart}: reads what tenants have written, one text after the other. */
import { parentPort } from 'node:worker_threads';
import { HeadgateError, messageOf } from '../../errors.js';
import { assertColumnsKept } from './columns-kept.js';
import { editSubscription } from './edit-subscriptions.js';
import { withoutSecrets } from './left-out-secrets.js';
import { parseTenantConfig } from './parse.js';
import { assertReach } from './reach.js';
import type { Answer, Question } from './reading-apart.js';

function work({ what, input }: Question): unknown {
  switch (what) {
    case 'parse':
      return parseTenantConfig(...input);
    case 'withoutSecrets':
      return withoutSecrets(...input);
    case 'assertColumnsKept':
      return assertColumnsKept(...input);
    case 'assertReach':
      return assertReach(...input);
    case 'editSubscription':
      return editSubscription(...input);
  }
}

async function answer(question: Question): Promise<Answer> {
  const { id } = question;
  try {
    return { id, value: await work(question) };
  } catch (error) {
    const { code, details } = error instanceof HeadgateError ? error : {};
    return { id, failed: { code, message: messageOf(error), details } };
  }
}

parentPort?.on('message', (question: Question) => {
  void answer(question).then((answered) => parentPort?.postMessage(answered));
});
