/*
 * Lists the open slots of a contact center, books one, and shows a refusal as a person would want to see it.
 *
 *     quickstart v1|v3 BASE_URL
 *
 * BASE_URL is scheme, host and port of a server, such as a running callback-sandbox.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "callbackservice.h"

#define MAX_SLOTS 8

struct slot {
    char utc_time[32];
    int capacity;
};

/* Puts a string into a JSON text, which is freed and replaced; NULL is a new object. */
static char *with(char *json, const char *pointer, const char *value)
{
    char *changed;
    cbsvc_status status = cbsvc_json_set(json, pointer, value, &changed);

    if (status != CBSVC_OK) {
        fprintf(stderr, "%s: %s\n", pointer, cbsvc_status_name(status));
        exit(1);
    }
    cbsvc_string_free(json);
    return changed;
}

static int read_slots(const char *outcome, struct slot *slots)
{
    char pointer[40], capacity[12];
    int count;

    for (count = 0; count < MAX_SLOTS; count++) {
        struct slot *slot = &slots[count];
        sprintf(pointer, "/slots/%d/utcTime", count);
        if (cbsvc_json_read(outcome, pointer, slot->utc_time, sizeof slot->utc_time, NULL) != CBSVC_OK)
            break;
        sprintf(pointer, "/slots/%d/capacity", count);
        cbsvc_json_read(outcome, pointer, capacity, sizeof capacity, NULL);
        slot->capacity = atoi(capacity);
    }
    return count;
}

static void print_slots(const struct slot *slots, int count)
{
    int i;

    printf("  %-26s %s\n", "time (UTC)", "places");
    for (i = 0; i < count; i++)
        printf("  %-26s %6d\n", slots[i].utc_time, slots[i].capacity);
}

/* Every event of the service comes here, inside the call that caused it. */
static void on_event(const char *event, const char *data, void *user_data)
{
    int *bookings = user_data;

    (void)data;
    if (strcmp(event, "CallbackService.scheduled") == 0)
        ++*bookings;
    printf("  event: %s\n", event);
}

static cbsvc_status list_slots(cbsvc_service *service, struct slot *slots, int *count)
{
    char start[32], limit[12];
    char *query, *outcome;
    time_t in_an_hour = time(NULL) + 3600;
    cbsvc_status status;

    strftime(start, sizeof start, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&in_an_hour));
    sprintf(limit, "%d", MAX_SLOTS);
    query = with(NULL, "/startDate", start);
    query = with(query, "/numberOfDays", "1");
    query = with(query, "/maxTimeSlots", limit);
    status = cbsvc_availability(service, query, &outcome);
    cbsvc_string_free(query);
    *count = outcome ? read_slots(outcome, slots) : 0;
    if (status != CBSVC_OK)
        fprintf(stderr, "no slots: %s\n%s\n", cbsvc_status_name(status), outcome ? outcome : "");
    cbsvc_string_free(outcome);
    return status;
}

static cbsvc_status book(cbsvc_service *service, const char *utc_time)
{
    char *data, *outcome, *text;
    struct slot proposed[MAX_SLOTS];
    cbsvc_status status;

    data = with(NULL, "/phonenumber", "+14151110000");
    data = with(data, "/desiredtime", utc_time);
    data = with(data, "/userData/topic", "quickstart");
    status = cbsvc_schedule(service, data, &outcome);
    cbsvc_string_free(data);
    if (outcome == NULL)
        return status;
    if (status == CBSVC_OK) {
        cbsvc_json_get(outcome, "/id", &text);
        printf("  booked: %s\n", text ? text : "");
        cbsvc_string_free(text);
    } else if (status == CBSVC_SLOT_UNAVAILABLE) {
        int count = read_slots(outcome, proposed);
        printf("\nSorry, %s is no longer free. The contact center offers instead:\n", utc_time);
        print_slots(proposed, count < 3 ? count : 3);
    } else {
        cbsvc_json_get(outcome, "/error/message", &text);
        fprintf(stderr, "not booked: %s, %s\n", cbsvc_status_name(status), text ? text : "");
        cbsvc_string_free(text);
    }
    cbsvc_string_free(outcome);
    return status;
}

static char *configuration(const char *api, const char *base_url)
{
    char url[512];
    int is_v3 = strcmp(api, "v3") == 0;
    char *config = with(NULL, "/apiVersion", api);

    sprintf(url, "%s%s", base_url, is_v3 ? "/engagement/v3" : "/genesys/1/service/callback/samples");
    config = with(config, "/dataURL", url);
    if (is_v3) {
        config = with(config, "/apikey", "sandbox-key");
        config = with(config, "/serviceName", "samples");
    }
    return config;
}

int main(int argc, char **argv)
{
    char *config, *error;
    struct slot slots[MAX_SLOTS] = {{"", 0}};
    int count, i, bookings = 0;
    cbsvc_service *service;
    cbsvc_status status;

    if (argc != 3 || strlen(argv[2]) > 256) {
        fprintf(stderr, "usage: quickstart v1|v3 BASE_URL\n");
        return 2;
    }

    printf("Opening the service over %s\n", argv[1]);
    config = configuration(argv[1], argv[2]);
    status = cbsvc_init(config, on_event, &bookings, &service, &error);
    cbsvc_string_free(config);
    if (status != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }

    printf("\nOpen slots\n");
    status = list_slots(service, slots, &count);
    if (status == CBSVC_OK && count > 0) {
        print_slots(slots, count);
        printf("\nBooking the first one\n");
        status = book(service, slots[0].utc_time);

        if (status == CBSVC_OK) {
            printf("\nOthers book the rest of its places, until one comes too late\n");
            for (i = 0; i < slots[0].capacity && status == CBSVC_OK; i++)
                status = book(service, slots[0].utc_time);
        }
    }
    cbsvc_close(service, 1000);
    printf("\n%d booked over %s\n\n", bookings, argv[1]);
    return status == CBSVC_SLOT_UNAVAILABLE && bookings == slots[0].capacity ? 0 : 1;
}
