import { HeadgateError } from '../../errors.js';
import { choice } from '../../platform/json-schema.js';
import { DOCUMENTATION_FILES, type Documentation } from '../documentation.js';
import { answerFixed, answerPage } from '../fixed-answer.js';
import { ANSWERED, route } from '../route.js';
import { OPENAPI } from '../schemas/operation.js';

/** What the routes of the documentation need of the process. */
export interface DocumentationServices {
  readonly documentation: Documentation;
}

const FILE_NAME = {
  ...choice(DOCUMENTATION_FILES, { description: 'The name of a file that the page loads.' }),
  examples: ['start.js'],
};

/** Header of what is fixed. */
export const ETAG = {
  ETag: 'Of the content: asked for with `If-None-Match`, the answer is 304 while it is the same.',
};

/** `/openapi.json`, and the page to read at `/docs`. Neither needs a token. */
export const DOCUMENTATION_ROUTES = [
  route(
    {
      id: 'getOpenApi',
      method: 'GET',
      path: '/openapi.json',
      tag: 'Operation',
      summary: 'Show this description',
      description: 'The API as an OpenAPI 3.1 document.',
      answer: { status: 200, description: 'The document.', schema: OPENAPI, headers: ETAG },
      examples: [{ name: 'all', summary: 'All of it' }],
    },
    async ({ documentation }: DocumentationServices, { ctx }) => {
      answerFixed(ctx, await documentation.openApi());
      return ANSWERED;
    },
  ),
  route(
    {
      id: 'getDocs',
      method: 'GET',
      path: '/docs',
      tag: 'Operation',
      summary: 'Read this description in a browser',
      description: 'A page that shows the document, and can send requests. It loads nothing from elsewhere.',
      answer: { status: 200, description: 'The page.', mediaType: 'text/html', headers: ETAG },
      examples: [{ name: 'page', summary: 'The page' }],
    },
    async ({ documentation }: DocumentationServices, { ctx }) => {
      answerPage(ctx, await documentation.page());
      return ANSWERED;
    },
  ),
  route(
    {
      id: 'getDocsFile',
      method: 'GET',
      path: '/docs/{file}',
      tag: 'Operation',
      summary: 'Load a file of that page',
      description: 'What the page loads: scripts and styles.',
      params: { file: FILE_NAME },
      answer: {
        status: 200,
        description: 'The file.',
        mediaType: 'text/javascript',
        headers: ETAG,
      },
      errors: ['NOT_FOUND'],
      examples: [{ name: 'script', summary: 'The script that starts the viewer' }],
    },
    async ({ documentation }: DocumentationServices, { ctx, params }) => {
      const name = DOCUMENTATION_FILES.find((each) => each === params.file);
      if (name === undefined) throw new HeadgateError('NOT_FOUND', 'The page has no such file.');
      answerFixed(ctx, await documentation.file(name));
      return ANSWERED;
    },
  ),
];
