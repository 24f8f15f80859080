export { ingestBatch } from './ingest-batch.js';
export { loadWindow } from './load-window.js';
export { deliver } from './deliver.js';
export { deadLetter } from './dead-letter.js';
export { replay } from './replay.js';
export { reload } from './reload.js';
export { resolveDeadLetters } from './resolve-dead-letters.js';
