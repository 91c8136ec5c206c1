/* Starts the program named in LAUNCH_PROGRAM with LAUNCH_LIBRARY and waits for its end, once for each booking. */
#include "harness.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static void *open_client(const char *url)
{
    return strdup(url);
}

static void schedule(void *url)
{
    char *arguments[] = {getenv("LAUNCH_PROGRAM"), getenv("LAUNCH_LIBRARY"), url, NULL};
    pid_t child;
    int status;
    if (posix_spawn(&child, arguments[0], NULL, NULL, arguments, environ) || waitpid(child, &status, 0) != child ||
        status)
        fail("the program failed");
}

int main(int count, char **arguments)
{
    static const struct peer peer = {open_client, free, schedule, NULL, NULL, NULL, 0};
    return serve(count, arguments, &peer);
}
