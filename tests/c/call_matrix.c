/*
 * Calls every function in every situation of the table in docs/threads.md, and prints the result:
 * function, situation, names of the statuses.
 *
 *     call_matrix BASE_URL
 */
#include <pthread.h>
#ifndef _WIN32
#include <sys/wait.h>
#endif

#include "check.h"

#define ROUNDS 60

static const char *CONFIG = "{\"dataURL\":\"%s/genesys/1/service/callback/samples\",\"ajaxTimeout\":30000}";
static const char *POLL = "{\"dataURL\":\"%s/genesys/1/service/callback/samples\",\"ajaxTimeout\":30000,"
                          "\"handlers\":\"poll\"}";
static const char *BOOKING = "{\"phonenumber\":\"1\"}";
static const char *SCHEDULE = "CallbackService.schedule";
static const char *base;

typedef cbsvc_status (*action)(cbsvc_service *service);

static void ignore(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)data;
    (void)user_data;
}

static cbsvc_status init(cbsvc_service *service)
{
    (void)service;
    return cbsvc_close(open_service(CONFIG, base), 1000);
}

static cbsvc_status configure(cbsvc_service *service)
{
    return cbsvc_configure(service, "{\"ajaxTimeout\":20000}", NULL);
}

static cbsvc_status close_it(cbsvc_service *service)
{
    return cbsvc_close(service, 10000);
}

static cbsvc_status schedule(cbsvc_service *service)
{
    return cbsvc_schedule(service, BOOKING, NULL);
}

static cbsvc_status availability(cbsvc_service *service)
{
    return cbsvc_availability(service, "{\"numberOfDays\":1}", NULL);
}

static cbsvc_status command(cbsvc_service *service)
{
    return cbsvc_command(service, SCHEDULE, BOOKING, NULL);
}

static cbsvc_status start(cbsvc_service *service)
{
    return cbsvc_start(service, SCHEDULE, BOOKING, ignore, NULL, NULL, NULL);
}

static cbsvc_status cancel(cbsvc_service *service)
{
    return cbsvc_cancel(service, 1u << 31);
}

static cbsvc_status dispatch(cbsvc_service *service)
{
    return cbsvc_dispatch(service, 0);
}

static cbsvc_status next_event(cbsvc_service *service)
{
    return cbsvc_next_event(service, 0, NULL, NULL, NULL);
}

static cbsvc_status waitable(cbsvc_service *service)
{
    intptr_t descriptor;
    return cbsvc_waitable(service, &descriptor);
}

static cbsvc_status subscribe(cbsvc_service *service)
{
    return cbsvc_subscribe(service, "CallbackService.ready", ignore, NULL, NULL, NULL);
}

static cbsvc_status unsubscribe(cbsvc_service *service)
{
    return cbsvc_unsubscribe(service, 1u << 31);
}

static cbsvc_status json_get(cbsvc_service *service)
{
    char *value;
    cbsvc_status status = cbsvc_json_get(BOOKING, "/phonenumber", &value);

    (void)service;
    cbsvc_string_free(value);
    return status;
}

static cbsvc_status json_read(cbsvc_service *service)
{
    char value[16];

    (void)service;
    return cbsvc_json_read(BOOKING, "/phonenumber", value, sizeof value, NULL);
}

static cbsvc_status json_count(cbsvc_service *service)
{
    uint32_t count;

    (void)service;
    return cbsvc_json_count(BOOKING, "", &count);
}

static cbsvc_status json_set(cbsvc_service *service)
{
    char *result;
    cbsvc_status status = cbsvc_json_set(BOOKING, "/firstname", "A", &result);

    (void)service;
    cbsvc_string_free(result);
    return status;
}

static cbsvc_status diagnostics(cbsvc_service *service)
{
    char *json;
    cbsvc_status status = cbsvc_diagnostics(&json);

    (void)service;
    cbsvc_string_free(json);
    return status;
}

static cbsvc_status set_log(cbsvc_service *service)
{
    (void)service;
    return cbsvc_set_log(CBSVC_LOG_WARNING, ignore, NULL);
}

static cbsvc_status status_name(cbsvc_service *service)
{
    (void)service;
    return strcmp(cbsvc_status_name(CBSVC_OK), "OK");
}

static cbsvc_status string_free(cbsvc_service *service)
{
    char *outcome;

    cbsvc_command(service, "none", NULL, &outcome);
    CHECK(outcome != NULL);
    cbsvc_string_free(outcome);
    return CBSVC_OK;
}

static cbsvc_status version(cbsvc_service *service)
{
    (void)service;
    return cbsvc_version() == CBSVC_HEADER_VERSION ? CBSVC_OK : -1;
}

static cbsvc_status version_text(cbsvc_service *service)
{
    (void)service;
    return cbsvc_version_text()[0] != '\0' ? CBSVC_OK : -1;
}

static const struct {
    const char *name;
    action run;
} functions[] = {
    {"cbsvc_init", init},
    {"cbsvc_configure", configure},
    {"cbsvc_close", close_it},
    {"cbsvc_schedule", schedule},
    {"cbsvc_availability", availability},
    {"cbsvc_command", command},
    {"cbsvc_start", start},
    {"cbsvc_cancel", cancel},
    {"cbsvc_dispatch", dispatch},
    {"cbsvc_next_event", next_event},
    {"cbsvc_waitable", waitable},
    {"cbsvc_subscribe", subscribe},
    {"cbsvc_unsubscribe", unsubscribe},
    {"cbsvc_json_get", json_get},
    {"cbsvc_json_read", json_read},
    {"cbsvc_json_count", json_count},
    {"cbsvc_json_set", json_set},
    {"cbsvc_diagnostics", diagnostics},
    {"cbsvc_set_log", set_log},
    {"cbsvc_status_name", status_name},
    {"cbsvc_string_free", string_free},
    {"cbsvc_version", version},
    {"cbsvc_version_text", version_text},
};

/* A service with the mode of handlers in which the function can be called. */
static cbsvc_service *open_for(action run)
{
    return open_service(run == next_event ? POLL : CONFIG, base);
}

/* One function, one service, and what came back. */
struct work {
    action run;
    cbsvc_service *service;
    cbsvc_status status;
};

static void *on_a_thread(void *user_data)
{
    struct work *work = user_data;

    work->status = work->run(work->service);
    return NULL;
}

static cbsvc_status any_thread(action run)
{
    struct work work = {run, open_for(run), -1};
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, on_a_thread, &work) == 0 && pthread_join(thread, NULL) == 0);
    cbsvc_close(work.service, 10000);
    return work.status;
}

static void in_a_handler(const char *event, const char *data, void *user_data)
{
    struct work *work = user_data;

    (void)event;
    (void)data;
    if (work->status == -1) {
        work->status = -2;
        work->status = work->run(work->service);
    }
}

static cbsvc_status inside_a_handler(action run)
{
    struct work work = {run, open_for(run), -1};
    /* A service without handlers is called inside a handler of another one. */
    cbsvc_service *caller = run == next_event ? open_service(CONFIG, base) : work.service;

    CHECK(cbsvc_subscribe(caller, "CallbackService.scheduled", in_a_handler, &work, NULL, NULL) == CBSVC_OK);
    CHECK(schedule(caller) == CBSVC_OK);
    CHECK(cbsvc_close(work.service, 10000) == CBSVC_OK);
    CHECK(caller == work.service || cbsvc_close(caller, 10000) == CBSVC_OK);
    return work.status;
}

#ifndef _WIN32
static cbsvc_status in_a_child(action run)
{
    cbsvc_service *service = open_for(run);
    int results[2], status;
    cbsvc_status result = -1;
    pid_t child;

    CHECK(schedule(service) == CBSVC_OK && pipe(results) == 0);
    child = fork();
    if (child == 0) {
        alarm(60);
        result = run(service);
        _exit(write(results[1], &result, sizeof result) == sizeof result ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(results[0], &result, sizeof result) == sizeof result);
    close(results[0]);
    close(results[1]);
    CHECK(schedule(service) == CBSVC_OK);
    CHECK(cbsvc_close(service, 10000) == CBSVC_OK);
    return result;
}
#endif

static void while_another_closes(const char *name, action run)
{
    int round;

    for (round = 0; round < ROUNDS; round++) {
        struct work work = {run, open_for(run), -1};
        struct work closing = {close_it, work.service, -1};
        pthread_t first, second;

        /* Who is first is chance; over the rounds both are. */
        CHECK(pthread_create(&first, NULL, on_a_thread, round % 2 ? &work : &closing) == 0);
        CHECK(pthread_create(&second, NULL, on_a_thread, round % 2 ? &closing : &work) == 0);
        CHECK(pthread_join(first, NULL) == 0 && pthread_join(second, NULL) == 0);
        CHECK(closing.status == CBSVC_OK || run == close_it);
        CHECK(cbsvc_close(work.service, 0) == CBSVC_BAD_HANDLE);
        printf("%s|while another thread closes|%s\n", name, cbsvc_status_name(work.status));
    }
}

int main(int argc, char **argv)
{
    size_t i;

    if (argc != 2)
        return 2;
    base = argv[1];
    alarm(110);
    for (i = 0; i < sizeof functions / sizeof *functions; i++) {
        const char *name = functions[i].name;
        action run = functions[i].run;
        printf("%s|any thread|%s\n", name, cbsvc_status_name(any_thread(run)));
        printf("%s|inside a handler|%s\n", name, cbsvc_status_name(inside_a_handler(run)));
        fflush(stdout);
#ifndef _WIN32
        printf("%s|in a forked child|%s\n", name, cbsvc_status_name(in_a_child(run)));
#endif
        while_another_closes(name, run);
    }
    return 0;
}
