import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sharedAnswer } from '../platform/shared-answer.js';
import { headgateVersion } from '../version.js';
import { fixedAnswer, type FixedAnswer } from './fixed-answer.js';
import { DocumentBuilder } from './openapi/document.js';
import type { RouteShape } from './route.js';

/** What a process says of its API. Each part is made when it is first asked for, and then kept. */
export interface Documentation {
  openApi(): Promise<FixedAnswer>;
  /** The page to read, and what it loads. */
  page(): Promise<FixedAnswer>;
  file(name: DocumentationFile): Promise<FixedAnswer>;
}

/** What the page loads. */
export const DOCUMENTATION_FILES = [
  'start.js',
  'page.css',
  'swagger-ui-bundle.js',
  'swagger-ui.css',
] as const;

/** The name of a file that the page loads. */
type DocumentationFile = (typeof DOCUMENTATION_FILES)[number];

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Headgate API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="stylesheet" href="/docs/page.css">
  </head>
  <body>
    <div id="api"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

/** A token that is typed in is forgotten with the page; nothing is validated elsewhere. */
const START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
  queryConfigEnabled: false,
});
`;

const PAGE_CSS = 'body { margin: 0; }\n';

/** Makes what a process says of its routes. */
export function createDocumentation(routes: readonly RouteShape[]): Documentation {
  const { resolve } = createRequire(import.meta.url);
  const viewer = (name: string) => readFile(resolve(`swagger-ui-dist/${name}`));
  const kept = (type: string, content: () => Buffer | Promise<Buffer>) =>
    sharedAnswer(async () => fixedAnswer(type, await content()));
  const files: Readonly<Record<DocumentationFile, () => Promise<FixedAnswer>>> = {
    'start.js': kept(JAVASCRIPT, () => Buffer.from(START)),
    'page.css': kept(CSS, () => Buffer.from(PAGE_CSS)),
    'swagger-ui-bundle.js': kept(JAVASCRIPT, () => viewer('swagger-ui-bundle.js')),
    'swagger-ui.css': kept(CSS, () => viewer('swagger-ui.css')),
  };
  return {
    openApi: kept('application/json', () => openApiOf(routes)),
    page: kept('text/html; charset=utf-8', () => Buffer.from(PAGE)),
    file: (name) => files[name](),
  };
}

/** A route at a turn of the event loop: nobody else waits for all of it. */
async function openApiOf(routes: readonly RouteShape[]): Promise<Buffer> {
  const builder = new DocumentBuilder();
  for (const route of routes) {
    builder.add(route);
    await nextTurn();
  }
  return Buffer.from(JSON.stringify(builder.document(headgateVersion())));
}
