/*
 * Uses the library as a C program would, against a running sandbox: both server APIs, threads, events, and a
 * server that closes its connections on a host that has not asked to survive SIGPIPE.
 *
 *     interface BASE_URL
 */
#include <limits.h>
#include <pthread.h>
#ifndef _WIN32
#include <signal.h>
#include <sys/time.h>
#endif

#include "check.h"

#define THREADS 8
#define CALLS 50

static const char *V1 = "{\"dataURL\":\"%s/genesys/1/service/callback/samples\",\"ajaxTimeout\":30000}";
static const char *V3 = "{\"apiVersion\":\"v3\",\"dataURL\":\"%s/engagement/v3\",\"apikey\":\"sandbox-key\","
                        "\"serviceName\":\"samples\",\"ajaxTimeout\":30000}";

static void book_and_list(const char *format, const char *base)
{
    cbsvc_service *service = open_service(format, base);
    char *outcome;

    CHECK(cbsvc_availability(service, "{\"numberOfDays\":1,\"maxTimeSlots\":3}", &outcome) == CBSVC_OK);
    CHECK(strstr(outcome, "\"slots\":[{\"utcTime\":\"") != NULL);
    cbsvc_string_free(outcome);
    CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome) == CBSVC_OK);
    CHECK(strstr(outcome, "\"state\":\"resolved\"") != NULL && strstr(outcome, "\"id\":\"") != NULL);
    cbsvc_string_free(outcome);
    CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"1\",\"desiredtime\":\"2001-01-01T00:00:00Z\"}", &outcome) ==
          CBSVC_REJECTED);
    CHECK(strstr(outcome, "\"serverCode\":501") != NULL);
    cbsvc_string_free(outcome);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
    CHECK(cbsvc_close(service, 0) == CBSVC_BAD_HANDLE);
}

static void *call_often(void *service)
{
    int i;

    for (i = 0; i < CALLS; i++) {
        char *outcome;
        CHECK(cbsvc_command(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", &outcome) == CBSVC_OK);
        CHECK(strstr(outcome, "\"state\":\"resolved\"") != NULL);
        cbsvc_string_free(outcome);
    }
    return NULL;
}

static void call_from_threads(cbsvc_service *service)
{
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, call_often, service) == 0);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

static void count(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    ++*(int *)user_data;
}

static void release(void *user_data)
{
    *(int *)user_data += 1000;
}

static void subscribe(cbsvc_service *service)
{
    uint64_t first, second;
    int heard = 0, all = 0;

    CHECK(cbsvc_subscribe(service, "CallbackService.scheduled", count, &heard, release, &first) == CBSVC_OK);
    CHECK(cbsvc_subscribe(service, "*", count, &all, NULL, &second) == CBSVC_OK);
    CHECK(first != 0 && second != first && all == 1);
    CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
    CHECK(heard == 1 && all == 2);
    CHECK(cbsvc_unsubscribe(service, first) == CBSVC_OK);
    CHECK(heard == 1001);
    CHECK(cbsvc_unsubscribe(service, first) == CBSVC_NO_SUCH);
    CHECK(cbsvc_schedule(service, "{}", NULL) == CBSVC_NO_DATA);
    CHECK(heard == 1001 && all == 3);
    CHECK(cbsvc_unsubscribe(service, second) == CBSVC_OK);
}

#define CLOSED 40

/* The C library's rounds of destructors; on Windows there are 256. */
#ifdef _WIN32
#define DESTRUCTOR_ROUNDS 4
#else
#define DESTRUCTOR_ROUNDS PTHREAD_DESTRUCTOR_ITERATIONS
#endif

/* Says goodbye first and then resets the connection, so that the client writes to one that it knows to be closed. */
static void *slam(void *listener)
{
    struct linger now = {1, 0};
    socket_type client;

    while ((client = accept(*(socket_type *)listener, NULL, NULL)) != INVALID_SOCKET) {
        char byte;
        shutdown(client, SHUT_WR);
        if (recv(client, &byte, 1, 0) == 1)
            setsockopt(client, SOL_SOCKET, SO_LINGER, (const void *)&now, sizeof now);
        close_socket(client);
    }
    return NULL;
}

/* Books large data with a server that resets its connections. */
static void survive_resets(void)
{
    struct sockaddr_in address;
    socket_type listener = listening_socket(&address, 16);
    size_t size = 1 << 20;
    char *data = malloc(size + 64);
    char base[64];
    cbsvc_service *service;
    pthread_t thread;
    int i;

    CHECK(data != NULL && pthread_create(&thread, NULL, slam, &listener) == 0);
    snprintf(base, sizeof base, "http://127.0.0.1:%d", ntohs(address.sin_port));
    service = open_service(V1, base);
    strcpy(data, "{\"phonenumber\":\"");
    memset(data + strlen(data), '1', size);
    strcpy(data + size, "\"}");
    for (i = 0; i < CLOSED; i++)
        CHECK(cbsvc_schedule(service, data, NULL) == CBSVC_PROTOCOL);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
    CHECK(end_accept(listener) == 0 && pthread_join(thread, NULL) == 0);
    close_socket(listener);
    free(data);
}

#ifndef _WIN32

static int is_pending(int signal)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, signal);
}

/* A host with the default disposition of SIGPIPE, which may hold the signal back or not, and may have one waiting. */
static void survive_sigpipe(int held, int waiting)
{
    sigset_t sigpipe;

    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    CHECK(sigemptyset(&sigpipe) == 0 && sigaddset(&sigpipe, SIGPIPE) == 0);
    CHECK(pthread_sigmask(held ? SIG_BLOCK : SIG_UNBLOCK, &sigpipe, NULL) == 0);
    if (waiting)
        CHECK(pthread_kill(pthread_self(), SIGPIPE) == 0);
    survive_resets();
    CHECK(is_pending(SIGPIPE) == waiting);
    if (waiting) {
        int taken;
        CHECK(sigwait(&sigpipe, &taken) == 0 && taken == SIGPIPE);
    }
    CHECK(pthread_sigmask(SIG_UNBLOCK, &sigpipe, NULL) == 0);
}

/* When the program is stuck; never, while alarms only interrupt. */
static volatile time_t stuck_at;

/* One of the alarms that interrupt may come late. */
static void on_alarm(int signal)
{
    (void)signal;
    if (stuck_at != 0 && time(NULL) >= stuck_at)
        abort();
}

/* Signals that interrupt every system call of the program, also those of the library on its thread. */
static void survive_interruptions(cbsvc_service *service)
{
    struct sigaction action;
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    int i, completed = 0;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (i = 0; i < CALLS; i++) {
        CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
        CHECK(cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", count, &completed, NULL, NULL) ==
              CBSVC_OK);
        CHECK(cbsvc_dispatch(service, 30000) == CBSVC_OK);
    }
    CHECK(completed == CALLS);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    stuck_at = time(NULL) + 299;
    alarm(300);
}

#endif

static const char *destructor_base;
static pthread_key_t destructor_key;
static int destructor_rounds;

/* Runs when a thread ends, after its locals have gone: where C programs put away what a thread owns. It asks to be run again
   until the C library's last round. */
static void put_away(void *service)
{
    cbsvc_service *fresh = open_service(V1, destructor_base);

    CHECK(cbsvc_schedule(fresh, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
    CHECK(cbsvc_start(fresh, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", NULL, NULL, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_dispatch(fresh, 60000) == CBSVC_OK);
    CHECK(cbsvc_close(fresh, 0) == CBSVC_OK);
    if (++destructor_rounds < DESTRUCTOR_ROUNDS) {
        CHECK(pthread_setspecific(destructor_key, service) == 0);
        return;
    }
    CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

static void *own_a_service(void *unused)
{
    cbsvc_service *service = open_service(V1, destructor_base);

    (void)unused;
    CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
    CHECK(pthread_setspecific(destructor_key, service) == 0);
    return NULL;
}

static void end_with_a_thread(const char *base)
{
    pthread_t thread;

    destructor_base = base;
    CHECK(pthread_key_create(&destructor_key, put_away) == 0);
    CHECK(pthread_create(&thread, NULL, own_a_service, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(destructor_rounds == DESTRUCTOR_ROUNDS);
}

int main(int argc, char **argv)
{
    cbsvc_service *service;

    if (argc != 2)
        return 2;
    alarm(90);
    CHECK(cbsvc_version() == CBSVC_HEADER_VERSION);
    CHECK(strcmp(cbsvc_status_name(CBSVC_SLOT_UNAVAILABLE), "SLOT_UNAVAILABLE") == 0);
    book_and_list(V1, argv[1]);
    book_and_list(V3, argv[1]);
    service = open_service(V3, argv[1]);
    subscribe(service);
    call_from_threads(service);
#ifdef _WIN32
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
    survive_resets();
#else
    survive_interruptions(service);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
    survive_sigpipe(0, 0);
    survive_sigpipe(1, 0);
    survive_sigpipe(1, 1);
#endif
    end_with_a_thread(argv[1]);
    printf("%d checks passed\n", checks);
    return 0;
}
