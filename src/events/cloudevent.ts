import type { EventRow } from './event.js';

/** Media type of one CloudEvent in structured mode. */
export const CLOUDEVENT = 'application/cloudevents+json';
/** Media type of several CloudEvents: a JSON array. */
export const CLOUDEVENTS = 'application/cloudevents-batch+json';

/**
 * An event as a CloudEvent in structured mode: its attributes and extension attributes side by side at the top level.
 * When Headgate took it is the extension attribute `receivedat`, since attribute names have no underscore.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export function toCloudEvent(row: EventRow): object {
  const { extensions, received_at: receivedat, data, data_base64, ...attributes } = row;
  return {
    ...attributes,
    ...extensions,
    // What the event is may not be overwritten by an extension of the same name.
    ...attributes,
    receivedat,
    ...(data !== undefined && { data }),
    ...(data_base64 !== undefined && { data_base64 }),
  };
}
