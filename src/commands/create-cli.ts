import { Command } from 'commander';
import { headgateVersion } from '../version.js';
import { examplePath } from './example-path.js';

/** How to load what each command says of itself, in the order that help shows them. What it does is loaded when it runs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.js')).startCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
  api: async () => (await import('./start.js')).apiCommand(),
  worker: async () => (await import('./start.js')).workerCommand(),
  tenant: async () => (await import('./tenant.js')).tenantCommand(),
  token: async () => (await import('./token.js')).tokenCommand(),
  send: async () => (await import('./send.js')).sendCommand(),
  event: async () => (await import('./event.js')).eventCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  route: async () => (await import('./route.js')).routeCommand(),
  rules: async () => (await import('./rules.js')).rulesCommand(),
  schema: async () => (await import('./schema.js')).schemaCommand(),
  subscription: async () => (await import('./subscription.js')).subscriptionCommand(),
  secret: async () => (await import('./secret.js')).secretCommand(),
  source: async () => (await import('./source.js')).sourceCommand(),
  status: async () => (await import('./status.js')).statusCommand(),
  'dead-letters': async () => (await import('./dead-letters.js')).deadLettersCommand(),
  usage: async () => (await import('./usage.js')).usageCommand(),
  query: async () => (await import('./query.js')).queryCommand(),
  compact: async () => (await import('./compact.js')).compactCommand(),
  audit: async () => (await import('./audit.js')).auditCommand(),
  'audit-log': async () => (await import('./audit-log.js')).auditLogCommand(),
  reload: async () => (await import('./reload.js')).reloadCommand(),
  'batch-key': async () => (await import('./batch-key.js')).batchKeyCommand(),
  namespace: async () => (await import('./namespace.js')).namespaceCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
};

/** Commands that may be called by their plural as well; each says so by `alias`. */
const PLURALS: Readonly<Record<string, string>> = {
  tenants: 'tenant',
  subscriptions: 'subscription',
  secrets: 'secret',
  sources: 'source',
};

/**
 * Builds the CLI. When the first word names a command, it alone is loaded.
 * @param first the first word after `headgate`
 */
export async function createCli(first = ''): Promise<Command> {
  const cli = new Command('headgate')
    .description('Durable, multi-tenant event pipeline on Temporal.')
    .version(headgateVersion())
    .showHelpAfterError('(add --help for usage and examples)')
    // What follows a subcommand is the subcommand's, also where its parent has an option of the same name.
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `
State lives in HEADGATE_DATA_DIR (default .headgate); the API listens on HEADGATE_PORT (default 8080).

Examples:
  $ headgate demo --exit
  $ headgate start --tenants ${examplePath('flights/tenants')}
  $ headgate query UA "SELECT count(*) FROM events"`,
    );
  const name = Object.hasOwn(PLURALS, first) ? PLURALS[first]! : first;
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  for (const load of named ? [named] : Object.values(COMMANDS)) cli.addCommand(await load());
  return cli;
}
