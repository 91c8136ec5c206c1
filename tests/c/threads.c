/*
 * Everything at the same time on few services: blocking and asynchronous calls, dispatching, cancelling, subscribing,
 * configuring, diagnostics, and closing in the middle of it, with handlers on the callers' threads, on the library's, and
 * without handlers.
 *
 *     threads BASE_URL
 */
#include <pthread.h>

#include "check.h"

#define THREADS 8
#define ROUNDS 40
#define SERVICES 6

static cbsvc_service *service;
static long completed, released;

static void done(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)user_data;
    CHECK(data[0] == '{');
    __sync_fetch_and_add(&completed, 1);
}

static void log_line(const char *level, const char *line, void *user_data)
{
    (void)user_data;
    CHECK(level[0] != '\0' && line[0] != '\0');
}

static void release(void *user_data)
{
    (void)user_data;
    __sync_fetch_and_add(&released, 1);
}

/* Takes one completion, if there is one; the status. */
static cbsvc_status take(int timeout_ms)
{
    uint64_t call;
    char *event, *data;
    cbsvc_status status = cbsvc_next_event(service, timeout_ms, &call, &event, &data);

    CHECK((status == CBSVC_OK) == (event != NULL) && (event != NULL) == (data != NULL) && (event != NULL || call == 0));
    if (call != 0)
        release(NULL);
    cbsvc_string_free(event);
    cbsvc_string_free(data);
    return status;
}

static int polls;

static void *reenter(void *thread)
{
    intptr_t started = 0, seed = (intptr_t)thread;
    long round;

    for (round = 0; round < ROUNDS; round++) {
        uint64_t number = 0;
        char *text;
        switch ((round + seed) % 6) {
        case 0:
            cbsvc_schedule(service, "{\"phonenumber\":\"1\"}", &text);
            cbsvc_string_free(text);
            break;
        case 1:
        case 2:
            if (!polls) {
                cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", done, NULL, release, &number);
                started++;
            } else if (cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", NULL, NULL, NULL,
                                   &number) == CBSVC_OK) {
                started++;
            }
            if (round % 3 == 0)
                cbsvc_cancel(service, number);
            break;
        case 3:
            cbsvc_subscribe(service, "*", done, NULL, release, &number);
            started++;
            cbsvc_unsubscribe(service, number);
            break;
        case 4:
            cbsvc_set_log(round % 4 ? CBSVC_LOG_DEBUG : CBSVC_LOG_OFF, log_line, NULL);
            cbsvc_configure(service, "{\"apikey\":\"k\"}", NULL);
            cbsvc_diagnostics(&text);
            cbsvc_string_free(text);
            break;
        default:
            if (polls)
                take(5);
            else
                cbsvc_dispatch(service, 5);
        }
    }
    return (void *)started;
}

/* Closes the service, which refuses until all completions have been taken. */
static void close_service(void)
{
    cbsvc_status status;

    while ((status = cbsvc_close(service, -1)) == CBSVC_BUSY && polls)
        while (take(-1) == CBSVC_OK)
            ;
    CHECK(status == CBSVC_OK);
}

static void one_service(const char *mode, const char *base, int close_early)
{
    char format[256];
    pthread_t threads[THREADS];
    intptr_t i, given = 0;

    snprintf(format, sizeof format,
             "{\"dataURL\":\"%%s/x\",\"ajaxTimeout\":30000,\"proxy\":\"none\",\"handlers\":\"%s\"}", mode);
    polls = strcmp(mode, "poll") == 0;
    service = open_service(format, base);
    completed = released = 0;
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, reenter, (void *)i) == 0);
    if (close_early)
        close_service();
    for (i = 0; i < THREADS; i++) {
        void *started;
        CHECK(pthread_join(threads[i], &started) == 0);
        given += (intptr_t)started;
    }
    if (!close_early)
        close_service();
    CHECK(__sync_fetch_and_add(&released, 0) == given);
}

int main(int argc, char **argv)
{
    int i;

    if (argc != 2)
        return 2;
    for (i = 0; i < SERVICES; i++) {
        one_service("caller", argv[1], i % 2);
        one_service("thread", argv[1], i % 2);
        one_service("poll", argv[1], i % 2);
    }
    CHECK(status_of_process("Threads") >= 1);
    printf("%d checks passed\n", checks);
    return 0;
}
