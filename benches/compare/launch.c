/* Runs the program LAUNCH_PROGRAM with the library LAUNCH_LIBRARY, once for each booking. */
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
    static const struct operations client = {.open = open_client, .close = free, .schedule = schedule};
    return serve(count, arguments, &client);
}
