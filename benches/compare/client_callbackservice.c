/* The library, as a C application uses it. */
#include "harness.h"

#include "callbackservice.h"

static const char BOOKING[] = "{\"phonenumber\":\"+14151110000\",\"desiredtime\":\"2030-12-01T10:00:00.000Z\","
                              "\"firstname\":\"Ann Marie\",\"subject\":\"Order 17\"}";
static const char QUERY[] = "{\"startDate\":\"2030-12-01T00:00:00.000Z\",\"numberOfDays\":400}";

static void *open_service(const char *url, long timeout_ms, long connections, long calls)
{
    char config[MAX_TEXT], *error;
    cbsvc_service *service;
    snprintf(config, sizeof config,
        "{\"dataURL\":\"%s\",\"apiVersion\":\"%s\",\"serviceName\":\"samples\",\"ajaxTimeout\":%ld,"
        "\"maxConnections\":%ld,\"queueLimit\":%ld,\"proxy\":\"none\"}",
        url, strstr(url, "/v3/") ? "v3" : "v1", timeout_ms, connections, calls);
    if (cbsvc_init(config, NULL, NULL, &service, &error))
        fail(error);
    return service;
}

static void *open_client(const char *url)
{
    return open_service(url, BLOCKING_TIMEOUT_MS, 100, 4096);
}

static void close_client(void *service)
{
    cbsvc_close(service, 1000);
}

static void check_id(const char *outcome)
{
    if (!strstr(outcome, "\"id\":\""))
        fail(outcome);
}

static void schedule(void *service)
{
    char *outcome;
    if (cbsvc_schedule(service, BOOKING, &outcome))
        fail(outcome);
    check_id(outcome);
    cbsvc_string_free(outcome);
}

static long availability(void *service)
{
    char *outcome;
    long slots = 0, capacity = 0;
    if (cbsvc_availability(service, QUERY, &outcome))
        fail(outcome);
    const char *position = strstr(outcome, "\"slots\":[");
    while (position && (position = strpbrk(position, "{]")) && *position == '{') {
        position = strstr(position, "\"capacity\":");
        capacity += position ? strtol(position + 11, NULL, 10) : 0;
        slots++;
    }
    if (slots && !capacity)
        fail("no capacities");
    cbsvc_string_free(outcome);
    return slots;
}

static void on_done(const char *event, const char *outcome, void *completed)
{
    (void)event;
    check_id(outcome);
    ++*(long *)completed;
}

static void *open_pool(const char *url, long calls, long connections)
{
    return open_service(url, ASYNC_TIMEOUT_MS, connections, calls);
}

/* One service takes all calls; it needs no handle for each. */
static void run_pool(void *service, long calls, long handles)
{
    long completed = 0;
    (void)handles;
    for (long call = 0; call < calls; call++)
        if (cbsvc_start(service, "CallbackService.schedule", BOOKING, on_done, &completed, NULL, NULL))
            fail("cbsvc_start");
    while (completed < calls)
        if (cbsvc_dispatch(service, ASYNC_TIMEOUT_MS))
            fail("cbsvc_dispatch");
}

int main(int count, char **arguments)
{
    static const struct operations client = {
        .open = open_client,
        .close = close_client,
        .schedule = schedule,
        .availability = availability,
        .open_pool = open_pool,
        .close_pool = close_client,
        .run_pool = run_pool,
        .is_shared = 1,
    };
    return serve(count, arguments, &client);
}
