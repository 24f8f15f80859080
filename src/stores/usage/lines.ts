import { createHash } from 'node:crypto';
import { STREAMS, type Stream } from '../../events/event.js';
import { isDayName } from '../../platform/time.js';
import { isSubscriptionName, isTenantId } from '../../tenants/ids.js';
import { FIGURES, type Figures, type UsageEntry } from './figures.js';

/** An entry as a line of a journal has it: its name as {@link printOf} writes it. */
export interface UsageLine extends Omit<UsageEntry, 'name'> {
  readonly print?: string;
}

/** 96 bits of a name, in 16 characters. */
function printOf(name: string): string {
  return createHash('sha256').update(name).digest().subarray(0, 12).toString('base64url');
}

/** An entry as a line, with its end. */
export function lineOf({ name, tenant, day, stream, subscription, figures }: UsageEntry): string {
  const print = name === undefined ? undefined : printOf(name);
  return `${JSON.stringify({ print, tenant, day, stream, subscription, figures })}\n`;
}

/** Reads a line. Undefined for what is none: a crash has cut it short, or somebody has changed the file. */
export function readLine(text: string): UsageLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<UsageLine> | null;
    return isLine(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

function isLine(line: Partial<UsageLine> | null): line is UsageLine {
  if (typeof line !== 'object' || line === null) return false;
  const { print, tenant, day, stream, subscription, figures } = line;
  return (
    (print === undefined || typeof print === 'string') &&
    isTenantId(tenant) &&
    typeof day === 'string' &&
    isDayName(day) &&
    (stream === undefined || STREAMS.includes(stream as Stream)) &&
    (subscription === undefined || isSubscriptionName(subscription)) &&
    areFigures(figures)
  );
}

function areFigures(figures: unknown): figures is Figures {
  if (typeof figures !== 'object' || figures === null) return false;
  return Object.entries(figures).every(
    ([name, value]) =>
      (FIGURES as readonly string[]).includes(name) && Number.isSafeInteger(value) && value >= 0,
  );
}
