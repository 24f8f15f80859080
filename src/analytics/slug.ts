/** Code points of a slug. A type of a CloudEvent may have 256 units with what stands before it. */
const MAX_SLUG = 100;
/** Names without a letter or a digit, as one that is an emoji. */
const UNNAMED = 'unnamed';

/**
 * A name as part of a type: in lower case, with a hyphen for whatever is no letter, digit, point or underscore of any
 * script. `Order Completed` becomes `order-completed`, `checkout.Started` becomes `checkout.started`.
 */
export function slugOf(name: string): string {
  // A long name costs no more than a short one.
  const words = name
    .slice(0, 4 * MAX_SLUG)
    .normalize('NFC')
    .toLowerCase()
    .split(/[^\p{L}\p{M}\p{N}._]+/u)
    .filter((word) => word !== '');
  const slug = Array.from(words.join('-')).slice(0, MAX_SLUG).join('');
  return /[\p{L}\p{N}]/u.test(slug) ? slug : UNNAMED;
}
