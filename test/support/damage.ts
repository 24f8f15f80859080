import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Damages a spool on disk, while nobody has it open: every place in its file that has these characters has others
 * afterwards, in the same room, as when a disk gives back other bytes than it was given.
 */
export function damageSpool(directory: string, text: string): void {
  const file = join(directory, 'data.mdb');
  const content = readFileSync(file);
  const bytes = Buffer.from(text);
  let places = 0;
  for (let at = content.indexOf(bytes); at !== -1; at = content.indexOf(bytes, at + 1), places++)
    content[at] = (content[at] as number) ^ 1;
  assert.ok(places > 0, `the spool's file does not have ${text}`);
  writeFileSync(file, content);
}
