/* To be preloaded: the clock shows the year 2040, which 32 bits cannot count. Compiled with -D_TIME_BITS=64. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define YEARS (14LL * 366 * 86400)

int clock_gettime(clockid_t clock, struct timespec *time)
{
#ifdef SYS_clock_gettime64
    long result = syscall(SYS_clock_gettime64, clock, time);
#else
    long result = syscall(SYS_clock_gettime, clock, time);
#endif

    if (result == 0 && clock == CLOCK_REALTIME)
        time->tv_sec += YEARS;
    return (int)result;
}
