/* The library, as a C program uses it. */
#include "harness.h"

#include "callbackservice.h"

static const char BOOKING[] = "{\"phonenumber\":\"+14151110000\",\"desiredtime\":\"2030-12-01T10:00:00.000Z\","
                              "\"firstname\":\"Ann Marie\",\"subject\":\"Order 17\"}";
static const char PERIOD[] = "{\"startDate\":\"2030-12-01T00:00:00.000Z\",\"numberOfDays\":400}";

static void *open_for(const char *url, long timeout_ms, long connections, long calls)
{
    char config[LONGEST_TEXT], *error;
    cbsvc_service *service;
    snprintf(config, sizeof config,
        "{\"dataURL\":\"%s\",\"apiVersion\":\"%s\",\"serviceName\":\"samples\",\"ajaxTimeout\":%ld,\"maxConnections\":%ld,"
        "\"queueLimit\":%ld,\"proxy\":\"none\"}",
        url, strstr(url, "/listed/") ? "v3" : "v1", timeout_ms, connections, calls);
    if (cbsvc_init(config, NULL, NULL, &service, &error))
        fail(error);
    return service;
}

static void *open_client(const char *url)
{
    return open_for(url, BLOCKING_TIMEOUT_MS, 100, 4096);
}

static void close_client(void *client)
{
    cbsvc_close(client, 1000);
}

static void has_id(const char *outcome)
{
    if (!strstr(outcome, "\"id\":\""))
        fail(outcome);
}

static void schedule(void *client)
{
    char *outcome;
    if (cbsvc_schedule(client, BOOKING, &outcome))
        fail(outcome);
    has_id(outcome);
    cbsvc_string_free(outcome);
}

static long availability(void *client)
{
    char *outcome;
    long slots = 0, places = 0;
    if (cbsvc_availability(client, PERIOD, &outcome))
        fail(outcome);
    const char *at = strstr(outcome, "\"slots\":[");
    while (at && (at = strpbrk(at, "{]")) && *at == '{') {
        at = strstr(at, "\"capacity\":");
        places += at ? strtol(at + 11, NULL, 10) : 0;
        slots++;
    }
    if (slots && !places)
        fail("no capacities");
    cbsvc_string_free(outcome);
    return slots;
}

static void done(const char *event, const char *outcome, void *user_data)
{
    (void)event;
    has_id(outcome);
    ++*(long *)user_data;
}

static void started(const char *url, long calls, long connections)
{
    long ended = 0;
    cbsvc_service *service = open_for(url, STARTED_TIMEOUT_MS, connections, calls);
    for (long call = 0; call < calls; call++)
        if (cbsvc_start(service, "CallbackService.schedule", BOOKING, done, &ended, NULL, NULL))
            fail("not started");
    while (ended < calls)
        if (cbsvc_dispatch(service, STARTED_TIMEOUT_MS))
            fail("not dispatched");
    cbsvc_close(service, 1000);
}

int main(int count, char **arguments)
{
    static const struct peer peer = {open_client, close_client, schedule, availability, started, started, 1};
    return serve(count, arguments, &peer);
}
