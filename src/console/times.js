/** Times as inputs have them: in the reader's own zone. */

/** As the API takes it. */
export function fromLocal(time) {
  return time && new Date(time).toISOString();
}

/** As an input of the type `datetime-local` has it. */
export function toLocal(time) {
  const date = new Date(time ?? Number.NaN);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
