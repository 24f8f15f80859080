import { HeadgateError } from '../../errors.js';
import { text } from '../../platform/json-schema.js';
import type { Console } from '../console.js';
import { answerFixed, answerPage } from '../fixed-answer.js';
import { ANSWERED, route } from '../route.js';
import { ETAG } from './documentation.js';

/** What the routes of the console need of the process. */
export interface ConsoleServices {
  readonly console: Console;
}

/** The console at `/console`. The page needs no token; what it shows it asks for with the token that is typed into it. */
export const CONSOLE_ROUTES = [
  route(
    {
      id: 'getConsole',
      method: 'GET',
      path: '/console',
      tag: 'Operation',
      summary: 'Open the console',
      description:
        "A page that shows a tenant's subscriptions, batches, dead letters, replays and decisions, and can change them. It asks for a token, and loads nothing from elsewhere.",
      answer: { status: 200, description: 'The page.', mediaType: 'text/html', headers: ETAG },
      examples: [{ name: 'page', summary: 'The page' }],
    },
    async ({ console }: ConsoleServices, { ctx }) => {
      answerPage(ctx, await console.page());
      return ANSWERED;
    },
  ),
  route(
    {
      id: 'getConsoleFile',
      method: 'GET',
      path: '/console/{file}',
      tag: 'Operation',
      summary: 'Load a file of the console',
      description: 'What the page loads: scripts and styles.',
      params: {
        file: text({ description: 'The name of a file that the page loads.', examples: ['console.js'] }),
      },
      answer: {
        status: 200,
        description: 'The file.',
        mediaType: 'text/javascript',
        headers: ETAG,
      },
      errors: ['NOT_FOUND'],
      examples: [{ name: 'script', summary: 'The script of the console' }],
    },
    async ({ console }: ConsoleServices, { ctx, params }) => {
      const file = await console.file(params.file);
      if (file === undefined) throw new HeadgateError('NOT_FOUND', 'The console has no such file.');
      answerFixed(ctx, file.answer, file.forGood);
      return ANSWERED;
    },
  ),
];
