/**
 * An event in CloudEvents JSON. Extension attributes stand beside the others; those that Headgate hands out have
 * `receivedat`, the time it took them, and `hops`, the stages they have passed.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time?: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly [extension: string]: unknown;
}

/** An event to be published: `specversion` may be left out, and so may `id`, which is then made. */
export type NewEvent = Omit<Partial<CloudEvent>, 'source' | 'type'> & Pick<CloudEvent, 'source' | 'type'>;
