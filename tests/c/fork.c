/*
 * Forks while threads are in the middle of calls. Every child makes calls on the service that it inherited and gets its
 * own answers, half of the children close it; the parent's calls and asynchronous calls go on undisturbed. A service without
 * handlers is inherited too, with completions that the parent has not taken.
 *
 *     fork BASE_URL CHILDREN
 *
 * BASE_URL is a server that answers every booking with its number as the identifier.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define THREADS 8
#define AT_ONCE 16
#define STARTED 100

static int stop;
static cbsvc_service *service, *polled;

/* One booking under a number of its own; the answer must be the one to it. */
static void book(const char *who, long number)
{
    char data[96], id[96];
    char *outcome;
    cbsvc_status status;

    snprintf(data, sizeof data, "{\"phonenumber\":\"%s-%ld\"}", who, number);
    snprintf(id, sizeof id, "\"id\":\"%s-%ld\"", who, number);
    status = cbsvc_schedule(service, data, &outcome);
    if (status != CBSVC_OK || strstr(outcome, id) == NULL) {
        fprintf(stderr, "%s got %s\n", data, outcome);
        exit(1);
    }
    cbsvc_string_free(outcome);
}

static void *busy(void *thread)
{
    char who[32];
    long number = 0;

    snprintf(who, sizeof who, "thread%ld", (long)thread);
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        book(who, number++);
    return (void *)number;
}

static void count(const char *event, const char *data, void *user_data)
{
    (void)event;
    CHECK(strstr(data, "\"state\":\"resolved\"") != NULL);
    ++*(int *)user_data;
}

static void start(cbsvc_service *on, cbsvc_handler done)
{
    CHECK(cbsvc_start(on, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", done, NULL, NULL, NULL) == CBSVC_OK);
}

/* Takes the next event. Whether it is the completion of a call, which has resolved. */
static int take_completion(cbsvc_service *from)
{
    uint64_t call;
    char *data;

    CHECK(cbsvc_next_event(from, 60000, &call, NULL, &data) == CBSVC_OK);
    CHECK(call == 0 || strstr(data, "\"state\":\"resolved\"") != NULL);
    cbsvc_string_free(data);
    return call != 0;
}

/* What the parent has not taken is the parent's; the child has a queue and a descriptor of its own. */
static void take_in_a_child(int is_close)
{
    struct pollfd ready = {-1, POLLIN, 0};
    intptr_t waitable;

    CHECK(cbsvc_waitable(polled, &waitable) == CBSVC_OK);
    ready.fd = (int)waitable;
    CHECK(poll(&ready, 1, 0) == 0);
    CHECK(cbsvc_next_event(polled, 0, NULL, NULL, NULL) == CBSVC_TIMEOUT);
    start(polled, NULL);
    CHECK(poll(&ready, 1, 60000) == 1);
    CHECK(!is_close || cbsvc_close(polled, 10000) == CBSVC_BUSY);
    CHECK(take_completion(polled));
    CHECK(cbsvc_next_event(polled, 0, NULL, NULL, NULL) == (is_close ? CBSVC_CLOSED : CBSVC_TIMEOUT));
    CHECK(!is_close || cbsvc_close(polled, 10000) == CBSVC_OK);
}

static void child(int number)
{
    int completed = 0, descriptor;

    alarm(120);
    /* A daemon closes all descriptors that it has inherited; those of the library are not used again. */
    if (number % 4 == 1)
        for (descriptor = 3; descriptor < 1024; descriptor++)
            close(descriptor);
    book("child", number);
    if (number % 4 == 0) {
        /* The parent's asynchronous calls are the parent's; new ones work. */
        CHECK(cbsvc_dispatch(service, 0) == CBSVC_TIMEOUT);
        CHECK(cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", count, &completed, NULL, NULL) ==
              CBSVC_OK);
        CHECK(cbsvc_dispatch(service, 60000) == CBSVC_OK && completed == 1);
    }
    if (number % 4 >= 2)
        take_in_a_child(number % 4 == 2);
    if (number % 2 == 0)
        CHECK(cbsvc_close(service, 10000) == CBSVC_OK);
    _exit(0);
}

struct family {
    int completed;
    pid_t child;
};

/* The first handler forks; the child goes on into the library, which must leave the parent's calls to the parent. */
static void fork_here(const char *event, const char *data, void *user_data)
{
    struct family *family = user_data;

    (void)event;
    CHECK(strstr(data, "\"state\":\"resolved\"") != NULL);
    if (family->completed++ == 0) {
        family->child = fork();
        CHECK(family->child >= 0);
    }
}

static void fork_inside_a_handler(void)
{
    struct family family = {0, -1};
    int i, status;

    for (i = 0; i < STARTED; i++)
        CHECK(cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", fork_here, &family, NULL,
                          NULL) == CBSVC_OK);
    while (family.completed < STARTED) {
        CHECK(cbsvc_dispatch(service, 60000) == CBSVC_OK);
        if (family.child == 0) {
            alarm(60);
            CHECK(family.completed == 1);
            book("grandchild", 1);
            CHECK(cbsvc_dispatch(service, 0) == CBSVC_TIMEOUT);
            CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
            _exit(0);
        }
    }
    CHECK(waitpid(family.child, &status, 0) == family.child && status == 0);
}

/* Where handlers write one byte each, in the parent and in a child. */
static int calls_of_handlers[2];
static pid_t first_process, forked;

static void fork_once(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    (void)user_data;
    if (getpid() == first_process && __atomic_load_n(&forked, __ATOMIC_ACQUIRE) == 0) {
        pid_t child = fork();
        CHECK(child >= 0);
        /* The other thread of the parent waits for it, or for what follows it. */
        __atomic_store_n(&forked, child, __ATOMIC_RELEASE);
        if (child == 0)
            alarm(60);
    }
}

static void write_byte(const char *event, const char *data, void *user_data)
{
    char byte = getpid() == first_process ? 'p' : 'c';

    (void)event;
    (void)data;
    (void)user_data;
    CHECK(write(calls_of_handlers[1], &byte, 1) == 1);
}

/* Ends the child of a handler, which is back in the program, and returns what handlers wrote. */
static const char *written_by_handlers(void)
{
    static char bytes[256];
    ssize_t length;
    pid_t child;
    int status;

    if (getpid() != first_process)
        _exit(0);
    child = __atomic_load_n(&forked, __ATOMIC_ACQUIRE);
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    close(calls_of_handlers[1]);
    length = read(calls_of_handlers[0], bytes, sizeof bytes - 1);
    CHECK(length >= 0);
    bytes[length] = '\0';
    close(calls_of_handlers[0]);
    return bytes;
}

/* The first line forks; the lines after it are delivered in the parent only. */
static void log_and_fork(const char *level, const char *line, void *user_data)
{
    write_byte(level, line, user_data);
    fork_once(level, line, user_data);
}

static cbsvc_service *open_for_fork(const char *base, const char *mode)
{
    char format[256];

    first_process = getpid();
    __atomic_store_n(&forked, 0, __ATOMIC_RELEASE);
    CHECK(pipe(calls_of_handlers) == 0);
    snprintf(format, sizeof format,
             "{\"dataURL\":\"%%s/x\",\"ajaxTimeout\":60000,\"proxy\":\"none\",\"handlers\":\"%s\"}", mode);
    return open_service(format, base);
}

static void subscribe(cbsvc_service *to, cbsvc_handler handler)
{
    CHECK(cbsvc_subscribe(to, "CallbackService.scheduled", handler, NULL, NULL, NULL) == CBSVC_OK);
}

/* What follows the handler that forks is called in the parent only: later subscribers, events, other calls. */
static void handlers_after_a_fork(const char *base)
{
    cbsvc_service *forking = open_for_fork(base, "caller");

    subscribe(forking, fork_once);
    subscribe(forking, write_byte);
    subscribe(forking, write_byte);
    CHECK(cbsvc_schedule(forking, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
    CHECK(strcmp(written_by_handlers(), "pp") == 0);
    CHECK(cbsvc_close(forking, 5000) == CBSVC_OK);

    forking = open_for_fork(base, "caller");
    subscribe(forking, write_byte);
    start(forking, fork_once);
    CHECK(cbsvc_dispatch(forking, 60000) == CBSVC_OK);
    CHECK(strcmp(written_by_handlers(), "p") == 0);
    CHECK(cbsvc_close(forking, 5000) == CBSVC_OK);

    forking = open_for_fork(base, "caller");
    start(forking, fork_once);
    start(forking, write_byte);
    start(forking, write_byte);
    CHECK(cbsvc_close(forking, 5000) == CBSVC_OK);
    CHECK(strcmp(written_by_handlers(), "pp") == 0);

    forking = open_for_fork(base, "caller");
    CHECK(cbsvc_set_log(CBSVC_LOG_DEBUG, log_and_fork, NULL) == CBSVC_OK);
    CHECK(cbsvc_schedule(forking, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
    if (getpid() == first_process)
        CHECK(cbsvc_set_log(CBSVC_LOG_OFF, NULL, NULL) == CBSVC_OK);
    CHECK(strchr(written_by_handlers(), 'c') == NULL);
    CHECK(cbsvc_close(forking, 5000) == CBSVC_OK);

    /* The handler of cbsvc_init forks. */
    {
        char config[256];
        cbsvc_service *service_of_both;
        first_process = getpid();
        __atomic_store_n(&forked, 0, __ATOMIC_RELEASE);
        CHECK(pipe(calls_of_handlers) == 0);
        snprintf(config, sizeof config, "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":60000,\"proxy\":\"none\"}", base);
        CHECK(cbsvc_init(config, fork_once, NULL, &service_of_both, NULL) == CBSVC_OK);
        CHECK(cbsvc_schedule(service_of_both, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
        CHECK(cbsvc_close(service_of_both, 5000) == CBSVC_OK);
        CHECK(strcmp(written_by_handlers(), "") == 0);
    }

    forking = open_for_fork(base, "thread");
    subscribe(forking, write_byte);
    start(forking, fork_once);
    CHECK(cbsvc_schedule(forking, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
    while (__atomic_load_n(&forked, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    {
        /* The second call's event is the last thing in the queue. */
        char bytes[2];
        CHECK(read(calls_of_handlers[0], bytes, 1) == 1 && read(calls_of_handlers[0], bytes + 1, 1) == 1);
        CHECK(bytes[0] == 'p' && bytes[1] == 'p');
    }
    CHECK(strcmp(written_by_handlers(), "") == 0);
    CHECK(cbsvc_close(forking, 5000) == CBSVC_OK);
}

static void join_one(void)
{
    int status;

    CHECK(wait(&status) > 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "a child ended with %x\n", status);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    long i, children, calls = 0;
    int completed = 0;

    if (argc != 3)
        return 2;
    children = atol(argv[2]);
    alarm(600);
    service = open_service("{\"dataURL\":\"%s/x\",\"ajaxTimeout\":60000,\"proxy\":\"none\"}", argv[1]);
    for (i = 0; i < STARTED; i++)
        CHECK(cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", count, &completed, NULL, NULL) ==
              CBSVC_OK);
    polled = open_service("{\"dataURL\":\"%s/x\",\"ajaxTimeout\":60000,\"proxy\":\"none\",\"handlers\":\"poll\"}", argv[1]);
    for (i = 0; i < STARTED; i++)
        start(polled, NULL);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, busy, (void *)i) == 0);
    for (i = 0; i < children; i++) {
        pid_t born;
        if (i >= AT_ONCE)
            join_one();
        born = fork();
        CHECK(born >= 0);
        if (born == 0)
            child((int)i);
    }
    for (i = 0; i < children && i < AT_ONCE; i++)
        join_one();
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (i = 0; i < THREADS; i++) {
        void *made;
        CHECK(pthread_join(threads[i], &made) == 0);
        calls += (long)made;
    }
    while (completed < STARTED)
        CHECK(cbsvc_dispatch(service, 60000) == CBSVC_OK);
    CHECK(cbsvc_dispatch(service, 0) == CBSVC_TIMEOUT);
    for (completed = 0; completed < STARTED;)
        completed += take_completion(polled);
    CHECK(cbsvc_next_event(polled, 0, NULL, NULL, NULL) == CBSVC_TIMEOUT);
    CHECK(cbsvc_close(polled, 5000) == CBSVC_OK);
    fork_inside_a_handler();
    handlers_after_a_fork(argv[1]);
    CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
    printf("%ld children beside %ld calls of the parent\n", children, calls);
    printf("%d checks passed\n", checks);
    return 0;
}
