import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Waits on its standard input, a pipe that only this process holds. A line means that all is well and it may go; the
 * pipe's end without a line means that this process has died, however it died, and the server is to be stopped.
 */
const SCRIPT = `
read -r _ && exit 0
kill -TERM "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$1" 2>/dev/null || exit 0; done
kill -KILL "$1" 2>/dev/null
`;

/**
 * Has the process `pid` stopped when this one dies without stopping it (SIGKILL, crash). Costs a shell that waits.
 * Windows has no such shell: there a server that was left behind is found and stopped at the next start.
 * @returns a function that calls it off
 */
export function stopWithUs(pid: number): () => void {
  if (process.platform === 'win32') return () => {};
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'headgate-watchdog', String(pid)], {
    // In a group of its own, or the terminal's Ctrl-C would end it before its time.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  (shell.stdin as unknown as Socket).unref();
  return () => shell.stdin.end('\n');
}
