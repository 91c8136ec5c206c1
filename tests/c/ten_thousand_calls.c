/*
 * Many asynchronous calls on one service, and many services: what they cost, and that everything is given back.
 *
 *     ten_thousand_calls BASE_URL CALLS CONNECTIONS
 *
 * BASE_URL is a server that answers every booking with its number as the identifier.
 */
#include "check.h"

#define SERVICES 50
#define IDLE_CALLS 100

static long calls;
static unsigned char *completed;
static long resolved, cancelled, released;

static void done(const char *event, const char *data, void *user_data)
{
    long number = (long)(intptr_t)user_data;
    char id[64];

    (void)event;
    CHECK(number >= 0 && number < calls);
    CHECK(completed[number]++ == 0);
    snprintf(id, sizeof id, "\"id\":\"%ld\"", number);
    if (strstr(data, "\"state\":\"resolved\"") != NULL && strstr(data, id) != NULL)
        resolved++;
    else if (strstr(data, "\"state\":\"cancelled\"") != NULL)
        cancelled++;
    else
        fprintf(stderr, "%ld: %s\n", number, data);
}

static void release(void *user_data)
{
    CHECK(completed[(intptr_t)user_data] == 1);
    released++;
}

static const char *mode;
static uint64_t first_call;

static int polls(void)
{
    return strcmp(mode, "poll") == 0;
}

/* Takes the next completion; ids are consecutive here. */
static void take(cbsvc_service *service)
{
    uint64_t call;
    char *event, *data;

    CHECK(cbsvc_next_event(service, 60000, &call, &event, &data) == CBSVC_OK);
    if (call != 0) {
        done(event, data, (void *)(intptr_t)(call - first_call));
        release((void *)(intptr_t)(call - first_call));
    }
    cbsvc_string_free(event);
    cbsvc_string_free(data);
}

static void start(cbsvc_service *service, long number)
{
    char data[64];
    uint64_t call;

    snprintf(data, sizeof data, "{\"phonenumber\":\"%ld\"}", number);
    if (polls()) {
        CHECK(cbsvc_start(service, "CallbackService.schedule", data, NULL, NULL, NULL, &call) == CBSVC_OK);
        first_call = number == 0 ? call : first_call;
        CHECK(call == first_call + (uint64_t)number);
        return;
    }
    CHECK(cbsvc_start(service, "CallbackService.schedule", data, done, (void *)(intptr_t)number, release, NULL) ==
          CBSVC_OK);
}

static void many_calls(const char *base, const char *connections)
{
    char format[256];
    cbsvc_service *service;
    long i, threads, memory, most = 0, before_threads = status_of_process("Threads");

    snprintf(format, sizeof format,
             "{\"dataURL\":\"%%s/x\",\"ajaxTimeout\":120000,\"queueLimit\":%ld,\"maxConnections\":%s,\"proxy\":\"none\","
             "\"handlers\":\"%s\"}",
             calls, connections, mode);
    memset(completed, 0, (size_t)calls);
    resolved = released = 0;
    service = open_service(format, base);
    memory = status_of_process("VmRSS");
    for (i = 0; i < calls; i++)
        start(service, i);
    CHECK(cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", NULL, NULL, NULL, NULL) ==
          CBSVC_BUSY);
    threads = status_of_process("Threads");
    while (released < calls) {
        long now = status_of_process("VmRSS");
        most = now > most ? now : most;
        if (polls())
            take(service);
        else
            CHECK(cbsvc_dispatch(service, 60000) == CBSVC_OK);
    }
    CHECK(resolved == calls);
    CHECK(threads <= before_threads + 2);
    CHECK((most - memory) * 1024 / calls < 64 * 1024);
    CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
    printf("%ld calls on one service (%s): %ld threads more, %ld bytes of memory for each\n", calls, mode,
           threads - before_threads, (most - memory) * 1024 / calls);
}

/* A port on which connections are taken by the system, and never answered. */
static int silent_port(void)
{
    struct sockaddr_in address;

    listening_socket(&address, 1024);
    return ntohs(address.sin_port);
}

static void no_busy_waiting(void)
{
    char base[64];
    cbsvc_service *service;
    long i, used;

    snprintf(base, sizeof base, "http://127.0.0.1:%d", silent_port());
    service = open_service("{\"dataURL\":\"%s/x\",\"ajaxTimeout\":60000,\"proxy\":\"none\"}", base);
    memset(completed, 0, (size_t)calls);
    released = 0;
    for (i = 0; i < IDLE_CALLS; i++)
        start(service, i);
    CHECK(cbsvc_dispatch(service, 500) == CBSVC_TIMEOUT);
    used = used_milliseconds();
    CHECK(cbsvc_dispatch(service, 1000) == CBSVC_TIMEOUT);
    used = used_milliseconds() - used;
    CHECK(used < 100);
    CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
    CHECK(cancelled == IDLE_CALLS && released == IDLE_CALLS);
    printf("%d calls waiting for one second: %ld ms of processor time\n", IDLE_CALLS, used);
}

static void many_services(const char *base)
{
    cbsvc_service *services[SERVICES];
    long i, threads = status_of_process("Threads"), most = threads;

    for (i = 0; i < SERVICES; i++) {
        services[i] = open_service("{\"dataURL\":\"%s/x\",\"ajaxTimeout\":30000,\"proxy\":\"none\"}", base);
        CHECK(cbsvc_schedule(services[i], "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
        most = status_of_process("Threads") > most ? status_of_process("Threads") : most;
    }
    for (i = 0; i < SERVICES; i++)
        CHECK(cbsvc_close(services[i], 1000) == CBSVC_OK);
    CHECK(most <= threads + 1);
    printf("%d services used by blocking commands: %ld threads more\n", SERVICES, most - threads);
}

int main(int argc, char **argv)
{
    long threads, descriptors;

    if (argc != 4)
        return 2;
    calls = atol(argv[2]);
    completed = calloc((size_t)calls, 1);
    CHECK(calls >= IDLE_CALLS && completed != NULL);
    threads = status_of_process("Threads");
    descriptors = open_descriptors();
    mode = "poll";
    many_calls(argv[1], argv[3]);
    mode = "caller";
    many_calls(argv[1], argv[3]);
    many_services(argv[1]);
    CHECK(status_of_process("Threads") == threads);
    CHECK(open_descriptors() == descriptors);
    no_busy_waiting();
    CHECK(status_of_process("Threads") == threads);
    printf("%d checks passed\n", checks);
    return 0;
}
