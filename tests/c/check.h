/* What the C test programs share. */
#ifndef CHECK_H
#define CHECK_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "callbackservice.h"

static int checks;

#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)

static inline void check(int holds, const char *what, const char *file, int line)
{
    __sync_fetch_and_add(&checks, 1);
    if (!holds) {
        fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
        exit(1);
    }
}

/* A service whose configuration is a format with one place for the base URL. */
static inline cbsvc_service *open_service(const char *format, const char *base)
{
    char config[1024];
    char *error = NULL;
    cbsvc_service *service = NULL;

    snprintf(config, sizeof config, format, base);
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s: %s\n", config, error);
        exit(1);
    }
    CHECK(error == NULL);
    return service;
}

/* A number from /proc/self/status, such as Threads or VmRSS (in KiB). */
static inline long status_of_process(const char *name)
{
    char line[256];
    long number = -1;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && number < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            number = atol(line + strlen(name) + 1);
    if (file != NULL)
        fclose(file);
    return number;
}

static inline long open_descriptors(void)
{
    long count = 0;
    DIR *directory = opendir("/proc/self/fd");

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count;
}

/* The processor time that this process has used, in milliseconds. */
static inline long used_milliseconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

#endif
