import { isUtf8 } from 'node:buffer';
import { parseBounded } from './bounded-json.js';
import type { Written } from './scan-json.js';

/**
 * An event whose data is JSON by its content type and came in base64, as SDKs of Rust and Python send what they were given
 * as octets, with that JSON as its data. Undefined for all others, also where it is not JSON after all.
 * What holds more than data may is told as that.
 */
export function jsonInBase64(
  event: Readonly<Record<string, unknown>>,
):
  | { readonly event: Record<string, unknown>; readonly written: Written }
  | { readonly excess: string }
  | undefined {
  const { data_base64: base64, datacontenttype: type } = event;
  if (typeof base64 !== 'string' || typeof type !== 'string' || event.data !== undefined) return undefined;
  if (!/^application\/([^;]+\+)?json\s*(;|$)/i.test(type)) return undefined;
  const octets = Buffer.from(base64, 'base64');
  if (!isUtf8(octets)) return undefined;
  try {
    const parsed = parseBounded(octets);
    if ('excess' in parsed) return parsed;
    return { event: { ...event, data: parsed.value, data_base64: undefined }, written: parsed.written };
  } catch {
    return undefined;
  }
}
