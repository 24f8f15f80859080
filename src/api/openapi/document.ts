import { TAGS, type RouteShape } from '../route.js';
import { Components, type Json } from './components.js';
import { operationOf } from './operation.js';

const DESCRIPTION = `Headgate's HTTP API. Tenants send events, and look at what became of them.

A token (JWT) names the tenant it is for, and scopes. The scope \`admin\` includes the others.
A token of an operator (\`role: "operator"\`) is for several tenants: the header \`Headgate-Tenant\` says which.
A body may be compressed with gzip, if \`Content-Encoding\` says so.
Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`.
Answers may get further properties in later versions: clients have to leave alone what they do not know.`;

const header = (description: string): Json => ({ description, schema: { type: 'string' } });

const HEADERS = {
  'WWW-Authenticate': header('Asks for a bearer token, RFC 6750.'),
  'RateLimit-Policy': header("The tenant's limits; draft-ietf-httpapi-ratelimit-headers-11."),
  RateLimit: header('What is left of them; draft-ietf-httpapi-ratelimit-headers-11.'),
  'Retry-After': header('Seconds after which another try is worth it.'),
};

/** Describes routes as an OpenAPI document, version 3.1. */
export function openApiDocument(routes: readonly RouteShape[], version: string): Json {
  const builder = new DocumentBuilder();
  for (const route of routes) builder.add(route);
  return builder.document(version);
}

/** The same, route by route: all of them take some tens of milliseconds. */
export class DocumentBuilder {
  private readonly components = new Components();
  private readonly paths: Record<string, Record<string, Json>> = {};

  add(route: RouteShape): void {
    const path = (this.paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operationOf(route, this.components);
  }

  document(version: string): Json {
    return {
      openapi: '3.1.0',
      info: {
        title: 'Headgate',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The node that serves this document.' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      paths: this.paths,
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'JWT',
            description: 'Of a tenant, or of an operator. `headgate token` makes one for development.',
          },
        },
        headers: HEADERS,
        ...this.components.all(),
      },
    };
  }
}
