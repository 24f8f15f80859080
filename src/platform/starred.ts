/** Whether a name is the one that is meant, or begins with it where that ends in a star: `track.*`. */
export function fitsStarred(name: string, meant: string): boolean {
  return meant.endsWith('*') ? name.startsWith(meant.slice(0, -1)) : name === meant;
}
