/*
 * Reads values of an outcome with cbsvc_json_read, and parses the same text with cJSON, in turns.
 *
 *     json_reads DATA_URL ROUNDS
 *
 * DATA_URL is that of a list of slots. It prints a line of JSON for each round: the nanoseconds of all reads, and of
 * one parse.
 */
#define _GNU_SOURCE
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "callbackservice.h"

#define READS 100

static void fail(const char *message)
{
    fprintf(stderr, "json_reads: %s\n", message);
    exit(1);
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static char *list_slots(const char *url)
{
    char *config, *data, *outcome;
    cbsvc_service *service;
    if (cbsvc_json_set("{\"serviceName\":\"samples\",\"proxy\":\"none\"}", "/dataURL", url, &data) ||
        cbsvc_json_set(data, "/apiVersion", strstr(url, "/v3/") ? "v3" : "v1", &config))
        fail("cannot write the configuration");
    if (cbsvc_init(config, NULL, NULL, &service, &outcome))
        fail(outcome);
    if (cbsvc_availability(service, "{\"startDate\":\"2030-12-01T00:00:00.000Z\",\"numberOfDays\":400}", &outcome))
        fail(outcome);
    cbsvc_close(service, 1000);
    cbsvc_string_free(config);
    cbsvc_string_free(data);
    return outcome;
}

/* Slots at even distances. */
static long long time_of_reads(const char *outcome, uint32_t slots)
{
    long long start = now();
    for (uint32_t read = 0; read < READS; read++) {
        char pointer[40], time[40];
        snprintf(pointer, sizeof pointer, "/slots/%u/utcTime", (unsigned)(read * slots / READS));
        if (cbsvc_json_read(outcome, pointer, time, sizeof time, NULL))
            fail(pointer);
    }
    return now() - start;
}

static long long time_of_parse(const char *outcome)
{
    long long start = now();
    cJSON *tree = cJSON_Parse(outcome);
    long long elapsed = now() - start;
    if (!tree)
        fail("cJSON cannot parse the outcome");
    cJSON_Delete(tree);
    return elapsed;
}

int main(int count, char **arguments)
{
    uint32_t slots;
    if (count != 3)
        fail("usage: json_reads DATA_URL ROUNDS");
    char *outcome = list_slots(arguments[1]);
    if (cbsvc_json_count(outcome, "/slots", &slots) || slots < READS)
        fail("too few slots");
    for (long round = strtol(arguments[2], NULL, 10); round > 0; round--) {
        long long reads = time_of_reads(outcome, slots), parse = time_of_parse(outcome);
        printf("{\"library\":%lld,\"cJSON\":%lld}\n", reads, parse);
    }
    cbsvc_string_free(outcome);
    return 0;
}
