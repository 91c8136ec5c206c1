/*
 * What the C peers share: they are told over standard input to run a round, `MODE PATH COUNT EXTRA`, and answer with
 * one line of JSON that holds the nanoseconds of each call, or of the whole round where calls overlap.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_CLIENTS 8
#define LONGEST_TEXT 512
#define BLOCKING_TIMEOUT_MS 3000
#define STARTED_TIMEOUT_MS 60000

/* One booking, by the names of the v1 API. */
static const char *const FIELDS[][2] = {
    {"firstname", "Ann Marie"},
    {"subject", "Order 17"},
    {"_customer_number", "+14151110000"},
    {"_desired_time", "2030-12-01T10:00:00.000Z"},
};
#define FIELD_COUNT (sizeof FIELDS / sizeof *FIELDS)

struct peer {
    /* A client of the server at this address. */
    void *(*open)(const char *url);
    void (*close)(void *client);
    void (*schedule)(void *client);
    long (*availability)(void *client);
    /* Runs so many bookings at once, over so many connections at most. */
    void (*started)(const char *url, long calls, long connections);
    /* The same, where the program keeps those that wait, and hands over only as many as there are connections. */
    void (*queued)(const char *url, long calls, long connections);
    /* Whether threads use one client together, instead of one each. */
    int is_shared;
};

static const char *base;
static uint64_t *times;
static size_t time_count, time_room;
static long grown;

static inline void fail(const char *what)
{
    fprintf(stderr, "benchmark: %s\n", what);
    exit(1);
}

static inline uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void record(uint64_t begun)
{
    uint64_t elapsed = now() - begun;
    if (time_count == time_room) {
        time_room = time_room ? time_room * 2 : 1024;
        times = realloc(times, time_room * sizeof *times);
        if (!times)
            fail("no memory");
    }
    times[time_count++] = elapsed;
}

/* A figure of this process in bytes, such as VmHWM. */
static long memory(const char *name)
{
    char line[128];
    long found = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, name, strlen(name)))
            found = strtol(line + strlen(name) + 1, NULL, 10) * 1024;
    if (status)
        fclose(status);
    return found;
}

static void forget_peak(void)
{
    FILE *peak = fopen("/proc/self/clear_refs", "w");
    if (!peak || fputs("5", peak) < 0 || fclose(peak))
        fail("clear_refs");
}

static const char *url_of(const char *path)
{
    static __thread char url[LONGEST_TEXT];
    snprintf(url, sizeof url, "%s%s", base, path);
    return url;
}

/* The client of a path, kept from round to round. */
static void *client_of(const struct peer *peer, const char *path)
{
    static struct {
        char path[64];
        void *client;
    } clients[MOST_CLIENTS];
    for (int index = 0; index < MOST_CLIENTS; index++) {
        if (!clients[index].client) {
            snprintf(clients[index].path, sizeof clients[index].path, "%s", path);
            clients[index].client = peer->open(url_of(path));
        }
        if (!strcmp(clients[index].path, path))
            return clients[index].client;
    }
    fail("too many paths");
    return NULL;
}

static void run_schedule(const struct peer *peer, const char *path, long count, long extra)
{
    void *client = client_of(peer, path);
    (void)extra;
    for (long call = 0; call < count; call++) {
        uint64_t begun = now();
        peer->schedule(client);
        record(begun);
    }
}

static void run_availability(const struct peer *peer, const char *path, long count, long slots)
{
    void *client = client_of(peer, path);
    for (long call = 0; call < count; call++) {
        uint64_t begun = now();
        if (peer->availability(client) != slots)
            fail("another number of slots");
        record(begun);
    }
}

static void run_first(const struct peer *peer, const char *path, long count, long extra)
{
    (void)extra;
    for (long call = 0; call < count; call++) {
        uint64_t begun = now();
        void *client = peer->open(url_of(path));
        peer->schedule(client);
        record(begun);
        peer->close(client);
    }
}

struct crew {
    const struct peer *peer;
    const char *path;
    void *shared;
    long calls;
    pthread_barrier_t begin;
};

static void *crew_member(void *data)
{
    struct crew *crew = data;
    void *client = crew->shared ? crew->shared : crew->peer->open(url_of(crew->path));
    crew->peer->schedule(client);
    pthread_barrier_wait(&crew->begin);
    for (long call = 0; call < crew->calls; call++)
        crew->peer->schedule(client);
    if (!crew->shared)
        crew->peer->close(client);
    return NULL;
}

static void run_threads(const struct peer *peer, const char *path, long count, long threads)
{
    pthread_t members[64];
    struct crew crew = {.peer = peer, .path = path, .calls = count / threads};
    crew.shared = peer->is_shared ? client_of(peer, path) : NULL;
    pthread_barrier_init(&crew.begin, NULL, (unsigned)threads + 1);
    for (long index = 0; index < threads; index++)
        if (pthread_create(&members[index], NULL, crew_member, &crew))
            fail("no thread");
    pthread_barrier_wait(&crew.begin);
    uint64_t begun = now();
    for (long index = 0; index < threads; index++)
        pthread_join(members[index], NULL);
    record(begun);
    pthread_barrier_destroy(&crew.begin);
}

static void run_at_once(const struct peer *peer, const char *path, long count, long connections,
    void (*run)(const char *url, long calls, long connections))
{
    peer->schedule(client_of(peer, path));
    forget_peak();
    long before = memory("VmRSS");
    uint64_t begun = now();
    run(url_of(path), count, connections);
    record(begun);
    grown = memory("VmHWM") - before;
}

static void run_started(const struct peer *peer, const char *path, long count, long connections)
{
    run_at_once(peer, path, count, connections, peer->started);
}

static void run_queued(const struct peer *peer, const char *path, long count, long connections)
{
    run_at_once(peer, path, count, connections, peer->queued);
}

static void answer(void)
{
    printf("{\"bytes\":%ld,\"nanoseconds\":[", grown);
    for (size_t index = 0; index < time_count; index++)
        printf(index ? ",%llu" : "%llu", (unsigned long long)times[index]);
    puts("]}");
    fflush(stdout);
    time_count = 0;
}

static int serve(int count, char **arguments, const struct peer *peer)
{
    static const struct {
        const char *name;
        void (*run)(const struct peer *, const char *, long, long);
    } modes[] = {
        {"schedule", run_schedule}, {"availability", run_availability}, {"first", run_first},
        {"threads", run_threads},   {"started", run_started}, {"queued", run_queued},
    };
    char line[LONGEST_TEXT], name[32], path[64];
    long calls, extra;
    if (count != 2)
        fail("needs the server's address");
    base = arguments[1];
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "%31s %63s %ld %ld", name, path, &calls, &extra) != 4)
            fail("not understood");
        for (size_t index = 0; index < sizeof modes / sizeof *modes; index++)
            if (!strcmp(modes[index].name, name))
                modes[index].run(peer, path, calls, extra);
        answer();
    }
    return 0;
}
