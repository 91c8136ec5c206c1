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

/* Outcomes are JSON. This program wants a few values whose place it knows; a larger one has a JSON library. */
static const char *find_text(const char *json, const char *name, char *text, size_t size)
{
    char key[40];
    const char *start, *end;
    size_t length;

    sprintf(key, "\"%.30s\":\"", name);
    text[0] = '\0';
    start = strstr(json, key);
    if (start == NULL)
        return NULL;
    start += strlen(key);
    end = strchr(start, '"');
    if (end == NULL)
        return NULL;
    length = (size_t)(end - start) < size - 1 ? (size_t)(end - start) : size - 1;
    memcpy(text, start, length);
    text[length] = '\0';
    return end + 1;
}

static int read_slots(const char *outcome, struct slot *slots)
{
    const char *place = strstr(outcome, "\"slots\":[");
    const char *end = place ? strchr(place, ']') : NULL;
    int count = 0;

    while (end != NULL && count < MAX_SLOTS) {
        const char *capacity;
        place = find_text(place, "utcTime", slots[count].utc_time, sizeof slots[count].utc_time);
        if (place == NULL || place > end)
            break;
        capacity = strstr(place, "\"capacity\":");
        slots[count].capacity = capacity ? atoi(capacity + strlen("\"capacity\":")) : 0;
        count++;
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
    char query[128], start[32];
    char *outcome;
    time_t in_an_hour = time(NULL) + 3600;
    cbsvc_status status;

    strftime(start, sizeof start, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&in_an_hour));
    sprintf(query, "{\"startDate\":\"%s\",\"numberOfDays\":1,\"maxTimeSlots\":%d}", start, MAX_SLOTS);
    status = cbsvc_availability(service, query, &outcome);
    *count = outcome ? read_slots(outcome, slots) : 0;
    if (status != CBSVC_OK)
        fprintf(stderr, "no slots: %s\n%s\n", cbsvc_status_name(status), outcome ? outcome : "");
    cbsvc_string_free(outcome);
    return status;
}

static cbsvc_status book(cbsvc_service *service, const char *utc_time)
{
    char data[256], text[256];
    char *outcome;
    struct slot proposed[MAX_SLOTS];
    cbsvc_status status;

    sprintf(data, "{\"phonenumber\":\"+14151110000\",\"desiredtime\":\"%s\",\"userData\":{\"topic\":\"quickstart\"}}",
            utc_time);
    status = cbsvc_schedule(service, data, &outcome);
    if (outcome == NULL)
        return status;
    if (status == CBSVC_OK && find_text(outcome, "id", text, sizeof text)) {
        printf("  booked: %s\n", text);
    } else if (status == CBSVC_SLOT_UNAVAILABLE) {
        int count = read_slots(outcome, proposed);
        printf("\nSorry, %s is no longer free. The contact center offers instead:\n", utc_time);
        print_slots(proposed, count < 3 ? count : 3);
    } else {
        find_text(outcome, "message", text, sizeof text);
        fprintf(stderr, "not booked: %s, %s\n", cbsvc_status_name(status), text);
    }
    cbsvc_string_free(outcome);
    return status;
}

int main(int argc, char **argv)
{
    const char *v1 = "{\"apiVersion\":\"v1\",\"dataURL\":\"%s/genesys/1/service/callback/samples\"}";
    const char *v3 = "{\"apiVersion\":\"v3\",\"dataURL\":\"%s/engagement/v3\",\"apikey\":\"sandbox-key\","
                     "\"serviceName\":\"samples\"}";
    char config[512];
    char *error;
    struct slot slots[MAX_SLOTS] = {{"", 0}};
    int count, i, bookings = 0;
    cbsvc_service *service;
    cbsvc_status status;

    if (argc != 3 || strlen(argv[2]) > 256) {
        fprintf(stderr, "usage: quickstart v1|v3 BASE_URL\n");
        return 2;
    }
    sprintf(config, strcmp(argv[1], "v3") == 0 ? v3 : v1, argv[2]);

    printf("Opening the service over %s\n", argv[1]);
    if (cbsvc_init(config, on_event, &bookings, &service, &error) != CBSVC_OK) {
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
