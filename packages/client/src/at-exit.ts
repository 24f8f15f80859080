/** What has to be done before a process ends that has nothing else to do. */
type Leaving = () => void;

const leaving = new Set<Leaving>();

/**
 * Calls `leave` when the process has nothing else to do; what that starts keeps it alive. One listener serves all, since Node
 * warns of more than ten. `process.exit()` and signals do not come by here.
 * @returns what ends that
 */
export function atExit(leave: Leaving): () => void {
  if (leaving.size === 0) process.on('beforeExit', leaveAll);
  leaving.add(leave);
  return () => {
    leaving.delete(leave);
    if (leaving.size === 0) process.off('beforeExit', leaveAll);
  };
}

function leaveAll(): void {
  for (const leave of leaving) leave();
}
