/* What the C test programs share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "callbackservice.h"
#include "portable.h"

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

#endif
