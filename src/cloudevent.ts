import type { EventRow } from './event.js';

/**
 * An event as subscribers get it: CloudEvents 1.0 in JSON. Extension attributes stand beside the others, and so does
 * `receivedat`, the time Headgate took it.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export function toCloudEvent({ extensions, received_at, ...attributes }: EventRow): object {
  return { ...attributes, ...extensions, receivedat: received_at };
}
