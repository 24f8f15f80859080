/** What Headgate uses of `fs-native-extensions`, which has no types of its own. */
declare module 'fs-native-extensions' {
  /**
   * Locks a part of an open file, without waiting: `fcntl(F_OFD_SETLK)` on Linux, `flock` on macOS, `LockFileEx` on Windows.
   * @returns false when another open file has a lock that stands against it
   */
  export function tryLock(
    fd: number,
    offset: number,
    length: number,
    options?: { readonly shared?: boolean },
  ): boolean;
}
