import { fitsStarred } from '../../platform/starred.js';

/** A task queue that an operator lets workflows of tenants start on: an entry of `HEADGATE_WORKFLOW_QUEUES`. */
export interface AllowedQueue {
  /** Whose workflows; `*` for everybody's. */
  readonly tenant: string;
  /** The queue's name; with a star at its end, how it begins. */
  readonly queue: string;
}

const ENTRY = /^(\*|[A-Za-z0-9][A-Za-z0-9_-]{0,62}):([^\s,*]{1,250}\*?)$/;

/** Queues of Headgate's own, and of tenants' own: none of them is an operator's to give to another. */
const TAKEN = /^(pool|tenant|own|headgate)(\.|$)/;

/** Reads an entry, `<tenant or *>:<queue>`; undefined for what is none, or names a queue that cannot be given away. */
export function parseAllowedQueue(entry: string): AllowedQueue | undefined {
  const [, tenant, queue] = ENTRY.exec(entry) ?? [];
  return tenant === undefined || queue === undefined || TAKEN.test(queue) ? undefined : { tenant, queue };
}

/** Whether a tenant's workflow may start on a queue: `own.<tenant>`, `own.<tenant>.…`, or one that is allowed. */
export function mayUseQueue(tenant: string, queue: string, allowed: readonly AllowedQueue[]): boolean {
  const own = `own.${tenant}`;
  if (queue === own || queue.startsWith(`${own}.`)) return true;
  if (TAKEN.test(queue)) return false;
  return allowed.some(
    (each) => (each.tenant === '*' || each.tenant === tenant) && fitsStarred(queue, each.queue),
  );
}

/** What to say of a queue that a tenant may not use. */
export function queueRefusal(tenant: string, queue: string): string {
  return `the queue ${JSON.stringify(queue.slice(0, 100))} is not one of tenant ${tenant}: use own.${tenant} or own.${tenant}.<name>, or ask the operator to name it in HEADGATE_WORKFLOW_QUEUES`;
}

/**
 * What is wrong with a `taskQueue` template, as far as can be known before there is an event: of a literal all, of a
 * literal that something is put behind, how it begins. Undefined where nothing is known to be wrong.
 */
export function queueTemplateProblem(
  tenant: string,
  template: string,
  allowed: readonly AllowedQueue[],
): string | undefined {
  const [, double, single, rest = ''] = LITERAL.exec(template) ?? [];
  const text = double ?? single;
  if (text === undefined || rest.includes('?')) return undefined;
  if (rest.trim() === '') return mayUseQueue(tenant, text, allowed) ? undefined : queueRefusal(tenant, text);
  const begins = [`own.${tenant}.`, ...allowed.flatMap((each) => (isFor(tenant, each) ? each.queue : []))];
  const may = begins.some((queue) => canBegin(text, queue));
  return may ? undefined : queueRefusal(tenant, `${text}…`);
}

/** A text literal without escapes, and what follows it: nothing, or `+`. */
const LITERAL = /^\s*(?:"([^"\\\n]*)"|'([^'\\\n]*)')(\s*$|\s*\+[^]*$)/;

function isFor(tenant: string, each: AllowedQueue): boolean {
  return each.tenant === '*' || each.tenant === tenant;
}

/** Whether something that begins with `text` can be the queue. */
function canBegin(text: string, queue: string): boolean {
  const name = queue.replace(/\*$/, '');
  return name.startsWith(text) || ((queue.endsWith('*') || queue.endsWith('.')) && text.startsWith(name));
}
