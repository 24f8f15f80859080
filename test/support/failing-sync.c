/*
 * For LD_PRELOAD: a disk whose flushes fail (EIO) for as long as the file $FAILING_SYNC exists. Flushes of files whose
 * path has no $FAILING_SYNC_OF in it are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As long as a disk may take to find out. */
#define FAILS_AFTER_US 50000

static int fails(int fd) {
  char link[32], path[4096];
  if (access(getenv("FAILING_SYNC"), F_OK) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, getenv("FAILING_SYNC_OF")) != NULL;
}

static int sync_by(const char *name, int fd) {
  if (fails(fd)) {
    usleep(FAILS_AFTER_US);
    errno = EIO;
    return -1;
  }
  return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd) { return sync_by("fsync", fd); }
int fdatasync(int fd) { return sync_by("fdatasync", fd); }
