import type { Answer, Question } from './messages.js';

/** Answers the harness's questions, in a process that it has forked; ends with it. */
export function answering<Request>(answer: (request: Request) => unknown): void {
  process.on('message', ({ number, request }: Question<Request>) => {
    const say = (message: Answer): void => void process.send?.(message);
    Promise.resolve()
      .then(() => answer(request))
      .then(
        (value) => say({ number, value }),
        (error: unknown) => say({ number, failure: error instanceof Error ? `${error.stack}` : `${error}` }),
      );
  });
  process.on('disconnect', () => process.exit());
}
