/** Loaded by `node --import`: writes the address of every module that is loaded after it into the file RECORD_IMPORTS. */
import { register } from 'node:module';

const file = JSON.stringify(process.env.RECORD_IMPORTS);
const hooks = `import { appendFileSync } from 'node:fs';
export function load(url, context, next) { appendFileSync(${file}, url + '\\n'); return next(url, context); }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
