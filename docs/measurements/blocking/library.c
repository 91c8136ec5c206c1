/* Books through the library, with the protocol of src/main.rs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "callbackservice.h"

static const char BOOKING[] = "{\"phonenumber\":\"+14151110000\",\"desiredtime\":\"2030-12-01T10:00:00.000Z\","
                              "\"firstname\":\"Ann Marie\",\"subject\":\"Order 17\"}";

static cbsvc_status schedule(cbsvc_service *service)
{
    char *outcome;
    cbsvc_status status = cbsvc_schedule(service, BOOKING, &outcome);
    if (status == CBSVC_OK && !strstr(outcome, "\"id\":\""))
        abort();
    cbsvc_string_free(outcome);
    return status;
}

static unsigned long long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
}

static int threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));)
        count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static const char *in_child(cbsvc_service *service)
{
    int status = 1;
    pid_t child = fork();
    if (child == 0)
        _exit(schedule(service) != CBSVC_OK);
    waitpid(child, &status, 0);
    return status == 0 ? "books" : "fails";
}

int main(int count, char **arguments)
{
    char config[256], mode[16], path[64];
    cbsvc_service *service;
    long calls, extra;

    while (count == 2 && scanf("%15s %63s %ld %ld", mode, path, &calls, &extra) == 4) {
        snprintf(config, sizeof config, "{\"dataURL\":\"%s%s\",\"proxy\":\"none\"}", arguments[1], path);
        if (cbsvc_init(config, NULL, NULL, &service, NULL) != CBSVC_OK || schedule(service) != CBSVC_OK)
            return 1;
        if (!strcmp(mode, "threads")) {
            printf("{\"threads\":%d}\n", threads());
        } else if (!strcmp(mode, "fork")) {
            printf("{\"fork\":\"%s\"}\n", in_child(service));
        } else {
            printf("{\"nanoseconds\":[0");
            for (long call = 0; call < calls; call++) {
                unsigned long long begin = nanoseconds();
                if (schedule(service) != CBSVC_OK)
                    return 1;
                printf(",%llu", nanoseconds() - begin);
            }
            puts("]}");
        }
        fflush(stdout);
        cbsvc_close(service, 1000);
    }
    return 0;
}
