/** The calls of the Segment, RudderStack and Jitsu protocols that bring an event. */
export const CALLS = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

/** One of them: the `type` of an event, or the end of the path that it was sent to. */
export type AnalyticsCall = (typeof CALLS)[number];

/** Whether a text, or anything else, is the name of a call. */
export function isCall(value: unknown): value is AnalyticsCall {
  return (CALLS as readonly unknown[]).includes(value);
}
