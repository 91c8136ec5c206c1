/*
 * What the library must leave alone in its host: standard descriptors, signals, cancellation, errno, the thread of the
 * log handler, children.
 *
 *     host_process BASE_URL [jump]
 *
 * BASE_URL is a server that answers every booking with its number as the identifier. With "jump", handlers are left by
 * longjmp, which leaks the memory of the calls that are abandoned.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static const char *CALLER = "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":20000,\"proxy\":\"none\"}";
static const char *THREAD = "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":20000,\"proxy\":\"none\",\"handlers\":\"thread\"}";
static const char *POLL = "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":20000,\"proxy\":\"none\",\"handlers\":\"poll\"}";
static const char *SCHEDULE = "CallbackService.schedule";
static const char *BOOKING = "{\"phonenumber\":\"1\"}";
static const int SYNCHRONOUS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
#define SYNCHRONOUS_SIGNALS (sizeof SYNCHRONOUS / sizeof *SYNCHRONOUS)

static const char *base;
static const char *modes[3];

static void ignore(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    (void)user_data;
}

static void count(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    __sync_fetch_and_add((int *)user_data, 1);
}

/* Takes the next event, which must be there in time; the id of its call. */
static uint64_t take(cbsvc_service *service)
{
    uint64_t call;
    char *event, *data;

    CHECK(cbsvc_next_event(service, 20000, &call, &event, &data) == CBSVC_OK);
    CHECK(event[0] == 'C' && data[0] == '{');
    cbsvc_string_free(event);
    cbsvc_string_free(data);
    return call;
}

static long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_for(int *counter, int value)
{
    long deadline = milliseconds() + 20000;

    while (__sync_fetch_and_add(counter, 0) < value) {
        CHECK(milliseconds() < deadline);
        sched_yield();
    }
}

static void reap(pid_t child, int code)
{
    int status;

    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
        fprintf(stderr, "the child ended with %x instead of exit code %d\n", status, code);
        exit(1);
    }
}

/* A server that accepts connections and never answers. */
static int listen_silently(char *url, size_t size)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 16) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return listener;
}

/* --- Standard descriptors that the host has closed --------------------------------------------------------------- */

/* Which of 0 to 2 can be read or written, as bits. Placeholders, which other threads of the library may use now, cannot. */
static int open_standard(void)
{
    int descriptor, flags, open = 0;

    for (descriptor = 0; descriptor < 3; descriptor++) {
        flags = fcntl(descriptor, F_GETFL);
        open |= (flags >= 0 && !(flags & O_PATH)) << descriptor;
    }
    return open;
}

static void *call_without_standard(void *service)
{
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
    return NULL;
}

/* The descriptors in `kept` stay open, the others are closed before the library opens any. */
static void leave_standard_closed(const char *format, int kept)
{
    pid_t child = fork();
    cbsvc_service *service;
    pthread_t thread;
    intptr_t waitable;
    int descriptor, i;

    if (child != 0) {
        reap(child, 0);
        return;
    }
    alarm(60);
    CHECK(dup2(STDERR_FILENO, 40) == 40);
    for (descriptor = 0; descriptor < 3; descriptor++)
        if (!(kept & 1 << descriptor))
            close(descriptor);
    stderr = fdopen(40, "w");
    service = open_service(format, base);
    CHECK(open_standard() == kept);
    if (format != modes[1]) {
        CHECK(cbsvc_waitable(service, &waitable) == CBSVC_OK && waitable > 2);
        CHECK(open_standard() == kept);
    }
    for (i = 0; i < 3; i++) {
        CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
        CHECK(open_standard() == kept);
        CHECK(cbsvc_start(service, SCHEDULE, BOOKING, format == modes[2] ? NULL : ignore, NULL, NULL, NULL) == CBSVC_OK);
        if (format == modes[0])
            CHECK(cbsvc_dispatch(service, 20000) == CBSVC_OK);
        while (format == modes[2] && take(service) == 0)
            ;
        CHECK(open_standard() == kept);
    }
    CHECK(pthread_create(&thread, NULL, call_without_standard, service) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(open_standard() == kept);
    /* What the host opens now is the host's. */
    if (!(kept & 1)) {
        CHECK(dup2(40, 0) == 0);
        CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
        CHECK(open_standard() == (kept | 1));
    }
    CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
    CHECK(open_standard() == (kept | 1));
    /* No placeholder is left. */
    for (descriptor = 0; descriptor < 3; descriptor++)
        CHECK((fcntl(descriptor, F_GETFD) >= 0) == ((kept | 1) >> descriptor & 1));
    _exit(0);
}

static void standard_descriptors(void)
{
    int mode, kept;

    for (mode = 0; mode < 3; mode++)
        for (kept = 0; kept < 8; kept++)
            if (kept == 0 || kept == 1 || kept == 6 || kept == 3)
                leave_standard_closed(modes[mode], kept);
}

#define CONCURRENT_CALLS 64
/* At most 16 idle connections of blocking calls are kept, with 4 descriptors each. */
#define MAX_IDLE_DESCRIPTORS (16 * 4)

static pthread_barrier_t barrier;

static void *call_together(void *service)
{
    pthread_barrier_wait(&barrier);
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
    return NULL;
}

static void idle_descriptors(void)
{
    long before = open_descriptors();
    cbsvc_service *service = open_service(CALLER, base);
    pthread_t threads[CONCURRENT_CALLS];
    int i;

    CHECK(pthread_barrier_init(&barrier, NULL, CONCURRENT_CALLS) == 0);
    for (i = 0; i < CONCURRENT_CALLS; i++)
        CHECK(pthread_create(&threads[i], NULL, call_together, service) == 0);
    for (i = 0; i < CONCURRENT_CALLS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&barrier) == 0);
    CHECK(open_descriptors() - before <= MAX_IDLE_DESCRIPTORS);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
    CHECK(open_descriptors() == before);
}

/* --- Signals ------------------------------------------------------------------------------------------------------ */

static volatile int raised;

static void report_crash(int signal)
{
    _exit(signal == raised ? 7 : 8);
}

static void crash(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    (void)user_data;
    raise(raised);
}

static void crash_in_a_handler(const char *format, int signal)
{
    pid_t child = fork();
    cbsvc_service *service;
    struct sigaction action;

    if (child == 0) {
        alarm(60);
        memset(&action, 0, sizeof action);
        action.sa_handler = report_crash;
        raised = signal;
        CHECK(sigaction(signal, &action, NULL) == 0);
        service = open_service(format, base);
        cbsvc_start(service, SCHEDULE, BOOKING, crash, NULL, NULL, NULL);
        if (format == modes[0])
            cbsvc_dispatch(service, 20000);
        pause();
    }
    reap(child, 7);
}

/* The signals that a thread of this process blocks; 0 if it has ended. */
static unsigned long long blocked_by(const char *thread)
{
    char path[300], line[256];
    unsigned long long mask = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "SigBlk:", 7) == 0)
            mask = strtoull(line + 7, NULL, 16);
    if (file != NULL)
        fclose(file);
    return mask;
}

static int is_in(unsigned long long mask, int signal)
{
    return (int)(mask >> (signal - 1) & 1);
}

/* The library's threads take the signals that they cause themselves, and no others. */
static void masks_of_library_threads(void)
{
    cbsvc_service *service = open_service(THREAD, base);
    int completed = 0, threads = 0;
    struct dirent *entry;
    DIR *tasks;
    size_t i;

    CHECK(cbsvc_subscribe(service, "*", count, &completed, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, count, &completed, NULL, NULL) == CBSVC_OK);
    wait_for(&completed, 3);
    tasks = opendir("/proc/self/task");
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        unsigned long long mask;
        if (entry->d_name[0] == '.' || atol(entry->d_name) == getpid())
            continue;
        mask = blocked_by(entry->d_name);
        for (i = 0; i < SYNCHRONOUS_SIGNALS; i++)
            CHECK(!is_in(mask, SYNCHRONOUS[i]));
        CHECK(is_in(mask, SIGINT) && is_in(mask, SIGTERM) && is_in(mask, SIGUSR1) && is_in(mask, SIGPROF));
        threads++;
    }
    closedir(tasks);
    CHECK(threads == 2);
    CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
}

struct started_program {
    unsigned long long mask;
    unsigned long long release_mask;
    int done;
};

/* What a program that this thread starts has blocked. */
static unsigned long long mask_after_exec(void)
{
    char text[256] = "";
    int output[2];
    pid_t child;

    CHECK(pipe(output) == 0);
    child = fork();
    if (child == 0) {
        dup2(output[1], STDOUT_FILENO);
        execlp("grep", "grep", "SigBlk", "/proc/self/status", (char *)NULL);
        _exit(1);
    }
    CHECK(child > 0 && read(output[0], text, sizeof text - 1) > 7);
    reap(child, 0);
    close(output[0]);
    close(output[1]);
    return strtoull(text + 7, NULL, 16);
}

static void start_a_program(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    ((struct started_program *)user_data)->mask = mask_after_exec();
}

static void start_a_program_at_the_end(void *user_data)
{
    struct started_program *program = user_data;

    program->release_mask = mask_after_exec();
    __sync_fetch_and_add(&program->done, 1);
}

static void mask_of_programs(int blocked)
{
    struct started_program program = {~0ull, ~0ull, 0}, event = {~0ull, ~0ull, 0};
    sigset_t set, before;
    cbsvc_service *service;
    unsigned long long expected = 0;

    CHECK(sigemptyset(&set) == 0);
    if (blocked != 0) {
        CHECK(sigaddset(&set, blocked) == 0);
        expected = 1ull << (blocked - 1);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &set, &before) == 0);
    service = open_service(THREAD, base);
    /* The mask is that of the thread that opened the service, not of the one that makes the first call. */
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, start_a_program, &program, start_a_program_at_the_end, NULL) ==
          CBSVC_OK);
    CHECK(cbsvc_subscribe(service, "CallbackService.scheduled", start_a_program, &event, NULL, NULL) == CBSVC_OK);
    wait_for(&program.done, 1);
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
    CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
    CHECK(program.mask == expected && program.release_mask == expected && event.mask == expected);
}

static int results[2];
static pid_t forked;

static void fork_here(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    (void)user_data;
    forked = fork();
    CHECK(forked >= 0);
}

/* In the child, this runs after the handler has returned into the library. */
static void write_mask(void *user_data)
{
    sigset_t mask;

    (void)user_data;
    if (forked == 0) {
        char is_open;
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        is_open = !sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGUSR1);
        _exit(write(results[1], &is_open, 1) == 1 ? 0 : 1);
    }
}

static void mask_of_a_child_that_returns(void)
{
    cbsvc_service *service = open_service(THREAD, base);
    char is_open = 0;

    CHECK(pipe(results) == 0);
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, fork_here, NULL, write_mask, NULL) == CBSVC_OK);
    CHECK(read(results[0], &is_open, 1) == 1 && is_open);
    CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
    reap(forked, 0);
    close(results[0]);
    close(results[1]);
}

static void on_signal(int signal)
{
    (void)signal;
}

static void *interrupt(void *thread)
{
    int i;

    for (i = 0; i < 20; i++) {
        CHECK(pthread_kill(*(pthread_t *)thread, SIGUSR1) == 0);
        usleep(5000);
    }
    return NULL;
}

static void signals_do_not_end_a_wait_for_an_event(void)
{
    cbsvc_service *service = open_service(POLL, base);
    pthread_t self = pthread_self(), thread;
    long began = milliseconds();

    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    CHECK(take(service) == 0);
    CHECK(pthread_create(&thread, NULL, interrupt, &self) == 0);
    CHECK(cbsvc_next_event(service, 200, NULL, NULL, NULL) == CBSVC_TIMEOUT);
    CHECK(milliseconds() - began >= 200);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

static void signals(void)
{
    int mode;
    size_t i;

    for (mode = 0; mode < 2; mode++)
        for (i = 0; i < SYNCHRONOUS_SIGNALS; i++)
            crash_in_a_handler(modes[mode], SYNCHRONOUS[i]);
    masks_of_library_threads();
    mask_of_programs(0);
    mask_of_programs(SIGUSR1);
    mask_of_programs(SIGCHLD);
    mask_of_a_child_that_returns();
}

/* --- Every function with a pending cancellation, and errno -------------------------------------------------------- */

typedef void (*action)(cbsvc_service *service);

static void do_init(cbsvc_service *service)
{
    cbsvc_service *other = open_service(CALLER, base);

    (void)service;
    CHECK(cbsvc_close(other, 20000) == CBSVC_OK);
}

static void do_init_badly(cbsvc_service *service)
{
    char *error;

    CHECK(cbsvc_init("{}", NULL, NULL, &service, &error) == CBSVC_CONFIG);
    cbsvc_string_free(error);
}

static void do_configure(cbsvc_service *service)
{
    CHECK(cbsvc_configure(service, "{\"apikey\":\"k\"}", NULL) == CBSVC_OK);
}

static void do_schedule(cbsvc_service *service)
{
    char *outcome;

    CHECK(cbsvc_schedule(service, BOOKING, &outcome) == CBSVC_OK);
    cbsvc_string_free(outcome);
}

static void do_availability(cbsvc_service *service)
{
    CHECK(cbsvc_availability(service, "{\"numberOfDays\":1}", NULL) != CBSVC_PANIC);
}

static void do_command(cbsvc_service *service)
{
    CHECK(cbsvc_command(service, SCHEDULE, BOOKING, NULL) == CBSVC_OK);
}

static void do_start(cbsvc_service *service)
{
    uint64_t call;

    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, ignore, NULL, NULL, &call) == CBSVC_OK);
    cbsvc_cancel(service, call);
    CHECK(cbsvc_dispatch(service, 20000) == CBSVC_OK);
    CHECK(cbsvc_dispatch(service, 50) == CBSVC_TIMEOUT);
}

static void do_next_event(cbsvc_service *service)
{
    cbsvc_service *polled = open_service(POLL, base);

    (void)service;
    CHECK(take(polled) == 0);
    CHECK(cbsvc_next_event(polled, 50, NULL, NULL, NULL) == CBSVC_TIMEOUT);
    CHECK(cbsvc_start(polled, SCHEDULE, BOOKING, NULL, NULL, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_close(polled, 20000) == CBSVC_BUSY);
    CHECK(take(polled) != 0);
    CHECK(cbsvc_close(polled, 20000) == CBSVC_OK);
}

static void do_waitable(cbsvc_service *service)
{
    intptr_t waitable;

    CHECK(cbsvc_waitable(service, &waitable) == CBSVC_OK);
}

static void do_subscribe(cbsvc_service *service)
{
    uint64_t id;

    CHECK(cbsvc_subscribe(service, "*", ignore, NULL, NULL, &id) == CBSVC_OK);
    CHECK(cbsvc_unsubscribe(service, id) == CBSVC_OK);
}

static void do_diagnostics(cbsvc_service *service)
{
    char *json;

    (void)service;
    CHECK(cbsvc_diagnostics(&json) == CBSVC_OK);
    cbsvc_string_free(json);
}

static void do_set_log(cbsvc_service *service)
{
    CHECK(cbsvc_set_log(CBSVC_LOG_DEBUG, ignore, NULL) == CBSVC_OK);
    do_schedule(service);
    CHECK(cbsvc_set_log(CBSVC_LOG_OFF, NULL, NULL) == CBSVC_OK);
}

static void do_close(cbsvc_service *service)
{
    (void)service;
    CHECK(cbsvc_close(NULL, 0) == CBSVC_BAD_HANDLE);
}

static void do_names(cbsvc_service *service)
{
    (void)service;
    CHECK(cbsvc_status_name(CBSVC_OK)[0] == 'O' && cbsvc_version() == CBSVC_HEADER_VERSION && cbsvc_version_text());
}

static const action ACTIONS[] = {do_init,      do_init_badly, do_configure,  do_schedule,    do_availability,
                                 do_command,   do_start,      do_next_event, do_waitable,    do_subscribe,
                                 do_diagnostics, do_set_log,  do_close,      do_names};
#define NUMBER_OF_ACTIONS (sizeof ACTIONS / sizeof *ACTIONS)

static int returned;

static void *act_while_cancelled(void *service)
{
    size_t i;
    int state;

    pthread_cancel(pthread_self());
    for (i = 0; i < NUMBER_OF_ACTIONS; i++) {
        ACTIONS[i](service);
        returned++;
    }
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0 && state == PTHREAD_CANCEL_ENABLE);
    do_schedule(service);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0 && state == PTHREAD_CANCEL_DISABLE);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL) == 0);
    pthread_testcancel();
    return NULL;
}

static void pending_cancellation(void)
{
    cbsvc_service *service = open_service(CALLER, base);
    pthread_t thread;
    void *result;

    CHECK(pthread_create(&thread, NULL, act_while_cancelled, service) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    CHECK(returned == (int)NUMBER_OF_ACTIONS);
    do_schedule(service);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

struct waiting_call {
    cbsvc_service *service;
    int type, is_started;
    cbsvc_status (*run)(cbsvc_service *service);
    cbsvc_status status;
};

static cbsvc_status blocking_call(cbsvc_service *service)
{
    return cbsvc_schedule(service, BOOKING, NULL);
}

static cbsvc_status waiting_dispatch(cbsvc_service *service)
{
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, ignore, NULL, NULL, NULL) == CBSVC_OK);
    return cbsvc_dispatch(service, 20000);
}

static cbsvc_status waiting_for_an_event(cbsvc_service *service)
{
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, NULL, NULL, NULL, NULL) == CBSVC_OK);
    CHECK(take(service) == 0);
    return cbsvc_next_event(service, 20000, NULL, NULL, NULL);
}

static void *wait_inside(void *user_data)
{
    struct waiting_call *call = user_data;

    CHECK(pthread_setcanceltype(call->type, NULL) == 0);
    call->status = call->run(call->service);
    pthread_testcancel();
    return NULL;
}

/* Cancels a thread while it waits inside the library, in which it stays until the deadline of its call. */
static void cancel_a_waiting_thread(cbsvc_status (*run)(cbsvc_service *), int type, cbsvc_status expected)
{
    char url[64];
    int listener = listen_silently(url, sizeof url);
    struct waiting_call call = {NULL, type, 0, run, -1};
    pthread_t thread;
    int connection;

    call.service = open_service(run == waiting_for_an_event
                                    ? "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":500,\"proxy\":\"none\",\"handlers\":\"poll\"}"
                                    : "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":500,\"proxy\":\"none\"}",
                                url);
    CHECK(pthread_create(&thread, NULL, wait_inside, &call) == 0);
    connection = accept(listener, NULL, NULL);
    CHECK(connection >= 0);
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
    /* A thread that can be cancelled at any time ends before the status is stored. */
    CHECK(call.status == (type == PTHREAD_CANCEL_DEFERRED ? expected : -1));
    CHECK(cbsvc_close(call.service, 0) == CBSVC_OK);
    close(connection);
    close(listener);
}

static pthread_t handlers_thread;

static void note_thread(const char *event, const char *data, void *user_data)
{
    int state;

    handlers_thread = pthread_self();
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0 && state == PTHREAD_CANCEL_DISABLE);
    count(event, data, user_data);
}

static void cancel_the_handlers_thread(void)
{
    int mode, completed;

    for (mode = 0; mode < 2; mode++) {
        cbsvc_service *service = open_service(modes[mode], base);
        completed = 0;
        CHECK(cbsvc_subscribe(service, "CallbackService.scheduled", note_thread, &completed, NULL, NULL) == CBSVC_OK);
        CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
        wait_for(&completed, 1);
        if (mode == 1)
            CHECK(pthread_cancel(handlers_thread) == 0);
        CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
        wait_for(&completed, 2);
        CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
    }
}

static void cancellation(void)
{
    pending_cancellation();
    cancel_a_waiting_thread(blocking_call, PTHREAD_CANCEL_DEFERRED, CBSVC_TIMEOUT);
    cancel_a_waiting_thread(waiting_dispatch, PTHREAD_CANCEL_DEFERRED, CBSVC_OK);
    cancel_a_waiting_thread(waiting_for_an_event, PTHREAD_CANCEL_DEFERRED, CBSVC_OK);
    cancel_a_waiting_thread(waiting_for_an_event, PTHREAD_CANCEL_ASYNCHRONOUS, CBSVC_OK);
    cancel_a_waiting_thread(blocking_call, PTHREAD_CANCEL_ASYNCHRONOUS, CBSVC_TIMEOUT);
    cancel_a_waiting_thread(waiting_dispatch, PTHREAD_CANCEL_ASYNCHRONOUS, CBSVC_OK);
    cancel_the_handlers_thread();
}

static void errno_is_kept(void)
{
    cbsvc_service *service = open_service(CALLER, base);
    size_t i;

    for (i = 0; i < NUMBER_OF_ACTIONS; i++) {
        errno = E2BIG;
        ACTIONS[i](service);
        CHECK(errno == E2BIG);
    }
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

/* --- The thread of the log handler -------------------------------------------------------------------------------- */

static long log_thread;
static int lines, resolved;

static void log_line(const char *level, const char *line, void *user_data)
{
    (void)level;
    (void)user_data;
    CHECK(syscall(SYS_gettid) == log_thread);
    lines++;
    resolved += strstr(line, "CallbackService.schedule resolved after") != NULL;
}

static int nested;

/* A handler that calls the library itself, on whichever thread it runs. */
static void call_inside(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    if (nested == 0) {
        nested = 1;
        CHECK(cbsvc_schedule(*(cbsvc_service **)user_data, BOOKING, NULL) == CBSVC_OK);
        __sync_fetch_and_add(&nested, 1);
    }
}

static void log_lines(void)
{
    cbsvc_service *service = NULL;
    int mode, completed = 0;

    log_thread = syscall(SYS_gettid);
    CHECK(cbsvc_set_log(CBSVC_LOG_DEBUG, log_line, NULL) == CBSVC_OK);
    for (mode = 0; mode < 2; mode++) {
        int before = lines;
        resolved = completed = nested = 0;
        service = open_service(modes[mode], base);
        CHECK(cbsvc_subscribe(service, "CallbackService.scheduled", call_inside, &service, NULL, NULL) == CBSVC_OK);
        CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
        CHECK(cbsvc_start(service, SCHEDULE, BOOKING, count, &completed, NULL, NULL) == CBSVC_OK);
        if (mode == 0)
            CHECK(cbsvc_dispatch(service, 20000) == CBSVC_OK);
        wait_for(&completed, 1);
        wait_for(&nested, 2);
        /* Lines of the library's threads are delivered by the next call at the latest. */
        CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
        CHECK(lines > before && resolved == 3);
    }
    CHECK(cbsvc_set_log(CBSVC_LOG_OFF, NULL, NULL) == CBSVC_OK);
}

static void close_inside(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    CHECK(cbsvc_close(*(cbsvc_service **)user_data, 0) == CBSVC_REENTRANT);
}

static void count_refused_closes(const char *level, const char *line, void *user_data)
{
    (void)user_data;
    lines += strcmp(level, "warning") == 0 && strstr(line, "cannot be closed inside its own handler") != NULL;
}

/* A program whose handler was left in a way that the library does not notice learns why the service stays open. */
static void refused_close_is_logged(void)
{
    cbsvc_service *service = open_service(CALLER, base);

    lines = 0;
    CHECK(cbsvc_set_log(CBSVC_LOG_WARNING, count_refused_closes, NULL) == CBSVC_OK);
    CHECK(cbsvc_subscribe(service, "CallbackService.scheduled", close_inside, &service, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
    CHECK(lines == 1);
    CHECK(cbsvc_set_log(CBSVC_LOG_OFF, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

/* The log handler is the only handler of a service without handlers. It may take events and close the service. */
static void take_in_the_log_handler(const char *level, const char *line, void *user_data)
{
    cbsvc_service *service = *(cbsvc_service **)user_data;

    (void)level;
    (void)line;
    while (cbsvc_next_event(service, 0, NULL, NULL, NULL) == CBSVC_OK)
        lines++;
    if (lines == 2)
        CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
}

static void events_in_the_log_handler(void)
{
    cbsvc_service *service = open_service(POLL, base);

    lines = 0;
    CHECK(cbsvc_set_log(CBSVC_LOG_INFO, take_in_the_log_handler, &service) == CBSVC_OK);
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
    CHECK(lines == 2);
    CHECK(cbsvc_set_log(CBSVC_LOG_OFF, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_close(service, 0) == CBSVC_BAD_HANDLE);
}

/* --- Children ----------------------------------------------------------------------------------------------------- */

#define CHILDREN 8

/* Children that are refused together must not come back together. */
static void pauses_of_children(void)
{
    char url[64];
    int i, pauses[2], listener = listen_silently(url, sizeof url);
    long pause, shortest = 1000000, longest = 0;
    pid_t children[CHILDREN];
    cbsvc_service *service;

    /* Nothing listens there now. */
    close(listener);
    service = open_service("{\"dataURL\":\"%s/x\",\"ajaxTimeout\":20000,\"proxy\":\"none\","
                           "\"retry\":{\"attempts\":2,\"baseDelayMs\":400}}", url);
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_CONNECT);
    CHECK(pipe(pauses) == 0);
    for (i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            alarm(60);
            pause = milliseconds();
            CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_CONNECT);
            pause = milliseconds() - pause;
            _exit(write(pauses[1], &pause, sizeof pause) == sizeof pause ? 0 : 1);
        }
    }
    for (i = 0; i < CHILDREN; i++) {
        reap(children[i], 0);
        CHECK(read(pauses[0], &pause, sizeof pause) == sizeof pause);
        shortest = pause < shortest ? pause : shortest;
        longest = pause > longest ? pause : longest;
    }
    CHECK(shortest >= 200 && longest - shortest > 10);
    close(pauses[0]);
    close(pauses[1]);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

/* Lines that the parent has not delivered are not the child's. */
static void log_lines_of_a_child(void)
{
    cbsvc_service *service = open_service(CALLER, base);
    int completed = 0;
    pid_t child;

    log_thread = syscall(SYS_gettid);
    CHECK(cbsvc_set_log(CBSVC_LOG_DEBUG, log_line, NULL) == CBSVC_OK);
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, count, &completed, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_dispatch(service, 20000) == CBSVC_OK && completed == 1);
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, count, &completed, NULL, NULL) == CBSVC_OK);
    {
        /* When the call is complete, its lines are pending. */
        struct pollfd ready = {-1, POLLIN, 0};
        intptr_t waitable;
        CHECK(cbsvc_waitable(service, &waitable) == CBSVC_OK);
        ready.fd = (int)waitable;
        CHECK(poll(&ready, 1, 20000) == 1);
    }
    child = fork();
    if (child == 0) {
        log_thread = syscall(SYS_gettid);
        lines = 0;
        CHECK(cbsvc_dispatch(service, 0) == CBSVC_TIMEOUT && lines == 0);
        _exit(0);
    }
    reap(child, 0);
    lines = 0;
    CHECK(cbsvc_dispatch(service, 20000) == CBSVC_OK && lines > 0);
    CHECK(cbsvc_set_log(CBSVC_LOG_OFF, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

/* --- Strings that the host writes into ---------------------------------------------------------------------------- */

static void strings_are_the_hosts(void)
{
    cbsvc_service *service = open_service(CALLER, base);
    char *outcome, *part;
    int parts = 0;

    CHECK(cbsvc_schedule(service, BOOKING, &outcome) == CBSVC_OK);
    for (part = strtok(outcome, ",:{}\""); part != NULL; part = strtok(NULL, ",:{}\""))
        parts++;
    CHECK(parts > 5);
    cbsvc_string_free(outcome);
    CHECK(cbsvc_schedule(service, BOOKING, &outcome) == CBSVC_OK);
    outcome[0] = '\0';
    cbsvc_string_free(outcome);
    CHECK(cbsvc_schedule(service, BOOKING, &outcome) == CBSVC_OK);
    memset(outcome, 'x', strlen(outcome) + 1);
    cbsvc_string_free(outcome);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

/* user_data is passed back and never dereferenced. */
static void take_number(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    CHECK((intptr_t)user_data == 42);
}

static void numbers_as_user_data(void)
{
    cbsvc_service *service = open_service(CALLER, base);

    CHECK(cbsvc_subscribe(service, "*", take_number, (void *)(intptr_t)42, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, take_number, (void *)(intptr_t)42, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_dispatch(service, 20000) == CBSVC_OK);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

/* --- Handlers that are left by longjmp ---------------------------------------------------------------------------- */

static jmp_buf before_call;

static void jump(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    (void)user_data;
    longjmp(before_call, 1);
}

static cbsvc_status dispatch_one(cbsvc_service *service)
{
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, ignore, NULL, NULL, NULL) == CBSVC_OK);
    return cbsvc_dispatch(service, 20000);
}

static void *close_service(void *service)
{
    return (void *)(intptr_t)cbsvc_close(service, 20000);
}

static void leave_handlers(cbsvc_status (*run)(cbsvc_service *), int on_another_thread)
{
    cbsvc_service *volatile service = open_service(CALLER, base);
    volatile int jumps = 0;
    pthread_t thread;
    void *status;
    char *json;

    CHECK(cbsvc_subscribe(service, "CallbackService.scheduled", jump, NULL, NULL, NULL) == CBSVC_OK);
    if (setjmp(before_call) != 0)
        jumps++;
    if (jumps < 3) {
        run(service);
        CHECK(!"the handler returned");
    }
    if (!on_another_thread) {
        CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
        return;
    }
    /* Any function notices that the calls have been left. */
    CHECK(cbsvc_diagnostics(&json) == CBSVC_OK && strstr(json, "\"running\":0") != NULL);
    cbsvc_string_free(json);
    CHECK(pthread_create(&thread, NULL, close_service, service) == 0 && pthread_join(thread, &status) == 0);
    CHECK((intptr_t)status == CBSVC_OK);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    alarm(300);
    base = argv[1];
    modes[0] = CALLER;
    modes[1] = THREAD;
    modes[2] = POLL;
    if (argc > 2) {
        leave_handlers(blocking_call, 0);
        leave_handlers(dispatch_one, 0);
        leave_handlers(blocking_call, 1);
        leave_handlers(dispatch_one, 1);
    } else {
        standard_descriptors();
        idle_descriptors();
        signals();
        cancellation();
        errno_is_kept();
        log_lines();
        refused_close_is_logged();
        events_in_the_log_handler();
        signals_do_not_end_a_wait_for_an_event();
        pauses_of_children();
        log_lines_of_a_child();
        strings_are_the_hosts();
        numbers_as_user_data();
    }
    printf("%d checks passed\n", checks);
    return 0;
}
