import { Option } from 'commander';

/** The option of everything that asks a node. */
export function urlOption(): Option {
  return new Option('--url <url>', 'address of the API (default: this machine, HEADGATE_PORT)');
}
