export { ingestBatch } from './ingest-batch.js';
export { loadWindow } from './load-window.js';
