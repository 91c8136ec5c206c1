/*
 * What the C clients share. A client reads commands from standard input, one per line:
 * `MODE PATH COUNT EXTRA`. After each it prints one line of JSON with the nanoseconds of every
 * call, or of the whole round if the calls overlap.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CLIENTS 8
#define MAX_THREADS 64
#define MAX_TEXT 512
#define BLOCKING_TIMEOUT_MS 3000
#define ASYNC_TIMEOUT_MS 60000

/* One booking, with the field names of the v1 API. */
static const char *const FIELDS[][2] = {
    {"firstname", "Ann Marie"},
    {"subject", "Order 17"},
    {"_customer_number", "+14151110000"},
    {"_desired_time", "2030-12-01T10:00:00.000Z"},
};
#define FIELD_COUNT (sizeof FIELDS / sizeof *FIELDS)

/* What a client can do. A function that it does not have is NULL. */
struct operations {
    /* Opens a handle for the server at this URL. */
    void *(*open)(const char *url);
    void (*close)(void *handle);
    /* Sends one booking and waits for the response. */
    void (*schedule)(void *handle);
    /* Lists the slots and returns their number. */
    long (*availability)(void *handle);
    /* Opens a pool of connections for asynchronous calls; `calls` is the most at the same time. */
    void *(*open_pool)(const char *url, long calls, long connections);
    void (*close_pool)(void *pool);
    /* Makes bookings at the same time and waits for all of them. A client that needs a handle for
     * each call in progress opens this many; further calls wait until one is free. */
    void (*run_pool)(void *pool, long calls, long handles);
    /* Whether all threads share one handle, instead of one for each. */
    int is_shared;
};

static const char *base_url;
static uint64_t *times;
static size_t time_count, time_capacity;
static long memory_growth;

static inline void fail(const char *message)
{
    fprintf(stderr, "benchmark: %s\n", message);
    exit(1);
}

static inline uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void record(uint64_t start)
{
    uint64_t elapsed = now() - start;
    if (time_count == time_capacity) {
        time_capacity = time_capacity ? time_capacity * 2 : 1024;
        times = realloc(times, time_capacity * sizeof *times);
        if (!times)
            fail("out of memory");
    }
    times[time_count++] = elapsed;
}

/* A value from /proc/self/status in bytes, such as VmHWM. */
static long memory(const char *name)
{
    char line[128];
    long bytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, name, strlen(name)))
            bytes = strtol(line + strlen(name) + 1, NULL, 10) * 1024;
    if (status)
        fclose(status);
    return bytes;
}

static void reset_peak_memory(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file || fputs("5", file) < 0 || fclose(file))
        fail("clear_refs");
}

static const char *url_of(const char *path)
{
    static __thread char url[MAX_TEXT];
    snprintf(url, sizeof url, "%s%s", base_url, path);
    return url;
}

/* The handle for a path. It stays open from round to round. */
static void *handle_for(const struct operations *client, const char *path)
{
    static struct {
        char path[64];
        void *handle;
    } handles[MAX_CLIENTS];
    for (int index = 0; index < MAX_CLIENTS; index++) {
        if (!handles[index].handle) {
            snprintf(handles[index].path, sizeof handles[index].path, "%s", path);
            handles[index].handle = client->open(url_of(path));
        }
        if (!strcmp(handles[index].path, path))
            return handles[index].handle;
    }
    fail("too many paths");
    return NULL;
}

static void run_schedule(const struct operations *client, const char *path, long count, long extra)
{
    void *handle = handle_for(client, path);
    (void)extra;
    for (long call = 0; call < count; call++) {
        uint64_t start = now();
        client->schedule(handle);
        record(start);
    }
}

static void run_availability(const struct operations *client, const char *path, long count, long slots)
{
    void *handle = handle_for(client, path);
    for (long call = 0; call < count; call++) {
        uint64_t start = now();
        if (client->availability(handle) != slots)
            fail("unexpected number of slots");
        record(start);
    }
}

static void run_first(const struct operations *client, const char *path, long count, long extra)
{
    (void)extra;
    for (long call = 0; call < count; call++) {
        uint64_t start = now();
        void *handle = client->open(url_of(path));
        client->schedule(handle);
        record(start);
        client->close(handle);
    }
}

struct thread_round {
    const struct operations *client;
    const char *path;
    void *shared_handle;
    long calls;
    pthread_barrier_t barrier;
};

static void *run_thread(void *data)
{
    struct thread_round *round = data;
    void *handle = round->shared_handle ? round->shared_handle : round->client->open(url_of(round->path));
    round->client->schedule(handle);
    pthread_barrier_wait(&round->barrier);
    for (long call = 0; call < round->calls; call++)
        round->client->schedule(handle);
    if (!round->shared_handle)
        round->client->close(handle);
    return NULL;
}

static void run_threads(const struct operations *client, const char *path, long count, long threads)
{
    pthread_t started[MAX_THREADS];
    struct thread_round round = {.client = client, .path = path, .calls = count / threads};
    if (threads > MAX_THREADS)
        fail("too many threads");
    round.shared_handle = client->is_shared ? handle_for(client, path) : NULL;
    pthread_barrier_init(&round.barrier, NULL, (unsigned)threads + 1);
    for (long index = 0; index < threads; index++)
        if (pthread_create(&started[index], NULL, run_thread, &round))
            fail("cannot start a thread");
    pthread_barrier_wait(&round.barrier);
    uint64_t start = now();
    for (long index = 0; index < threads; index++)
        pthread_join(started[index], NULL);
    record(start);
    pthread_barrier_destroy(&round.barrier);
}

/* A pool that is opened and closed in the measured time: connections, TLS handshakes and all. */
static void run_cold_pool(const struct operations *client, const char *path, long count, long connections, long handles)
{
    client->schedule(handle_for(client, path));
    reset_peak_memory();
    long before = memory("VmRSS");
    uint64_t start = now();
    void *pool = client->open_pool(url_of(path), count, connections);
    client->run_pool(pool, count, handles);
    client->close_pool(pool);
    record(start);
    memory_growth = memory("VmHWM") - before;
}

/* A pool whose connections are open when the measured time begins. */
static void run_warm_pool(const struct operations *client, const char *path, long count, long connections, long handles)
{
    long warm_up = connections * 4;
    void *pool = client->open_pool(url_of(path), count > warm_up ? count : warm_up, connections);
    client->run_pool(pool, warm_up, connections);
    uint64_t start = now();
    client->run_pool(pool, count, handles);
    record(start);
    client->close_pool(pool);
}

static void run_async(const struct operations *client, const char *path, long count, long connections)
{
    run_cold_pool(client, path, count, connections, count);
}

static void run_async_queued(const struct operations *client, const char *path, long count, long connections)
{
    run_cold_pool(client, path, count, connections, connections);
}

static void run_async_warm(const struct operations *client, const char *path, long count, long connections)
{
    run_warm_pool(client, path, count, connections, count);
}

static void run_async_warm_queued(const struct operations *client, const char *path, long count, long connections)
{
    run_warm_pool(client, path, count, connections, connections);
}

static void print_times(void)
{
    printf("{\"bytes\":%ld,\"nanoseconds\":[", memory_growth);
    for (size_t index = 0; index < time_count; index++)
        printf(index ? ",%llu" : "%llu", (unsigned long long)times[index]);
    puts("]}");
    fflush(stdout);
    time_count = 0;
}

static int serve(int argument_count, char **arguments, const struct operations *client)
{
    static const struct {
        const char *name;
        void (*run)(const struct operations *, const char *, long, long);
    } modes[] = {
        {"schedule", run_schedule},
        {"availability", run_availability},
        {"first", run_first},
        {"threads", run_threads},
        {"async", run_async},
        {"async-queued", run_async_queued},
        {"async-warm", run_async_warm},
        {"async-warm-queued", run_async_warm_queued},
    };
    char line[MAX_TEXT], name[32], path[64];
    long count, extra;
    if (argument_count != 2)
        fail("usage: CLIENT BASE_URL");
    base_url = arguments[1];
    while (fgets(line, sizeof line, stdin)) {
        size_t mode = 0;
        if (sscanf(line, "%31s %63s %ld %ld", name, path, &count, &extra) != 4)
            fail("invalid command");
        while (mode < sizeof modes / sizeof *modes && strcmp(modes[mode].name, name))
            mode++;
        if (mode == sizeof modes / sizeof *modes)
            fail("unknown mode");
        modes[mode].run(client, path, count, extra);
        print_times();
    }
    return 0;
}
