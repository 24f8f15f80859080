/** Where the Temporal UI is. */
export interface TemporalUi {
  readonly namespace: string;
  /** Base address; absent where none is known. */
  readonly uiUrl?: string;
}

/** The page of a workflow in the Temporal UI: its history. Undefined where no UI is known. */
export function workflowPage(
  { namespace, uiUrl }: TemporalUi,
  workflowId: string,
  runId: string,
): string | undefined {
  const page = `namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
  return uiUrl === undefined ? undefined : new URL(page, `${uiUrl}/`).href;
}
