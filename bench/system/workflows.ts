import { Client, Connection } from '@temporalio/client';

/** Counts the workflows of a Temporal server. */
export class WorkflowCounter {
  private connection?: Connection;

  /** @param address `host:port`; without one there is nothing to count */
  constructor(private readonly address: string | undefined) {}

  /** Workflows started so far, whatever became of them. */
  async count(): Promise<number> {
    if (this.address === undefined) return 0;
    this.connection ??= await Connection.connect({ address: this.address });
    return (await new Client({ connection: this.connection }).workflow.count()).count;
  }

  /** Closes the connection. */
  async close(): Promise<void> {
    await this.connection?.close();
  }
}
