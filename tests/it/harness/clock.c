/* A clock that is off by OFF_SECONDS, for a program that is started with this in LD_PRELOAD. Time that only passes
   (CLOCK_MONOTONIC) passes as ever. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real)
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(clock, time);
  if (!failed && clock == CLOCK_REALTIME)
    time->tv_sec += OFF_SECONDS;
  return failed;
}
