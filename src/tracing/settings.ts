/** The samplers that OpenTelemetry has names for. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Where spans go, and of which requests there are any. */
export interface TracingSettings {
  /** URL that spans are posted to. */
  readonly url: string;
  readonly serviceName: string;
  readonly sampler: (typeof SAMPLERS)[number];
  /** Of a sampler by ratio: 0 to 1. */
  readonly ratio: number;
}
