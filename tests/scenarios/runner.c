/*
 * Runs one scenario and prints one line of JSON for opening the service and for each step. README.md describes both.
 * Everything is read with cbsvc_json_get and written with cbsvc_json_set.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <callbackservice.h>

#define MOST_STEPS 32

/* The outcome of the call that was started, when it has completed. */
static char *completed;
static int events;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* The value at a pointer, which is built as by printf; NULL if there is none. */
static char *at(const char *json, const char *pointer, ...)
{
    char path[200], *value;
    va_list arguments;
    va_start(arguments, pointer);
    vsnprintf(path, sizeof path, pointer, arguments);
    va_end(arguments);
    cbsvc_json_get(json, path, &value);
    return value;
}

/* Puts a string into a text, which is replaced. */
static void put(char **json, const char *pointer, const char *value)
{
    char *result;
    if (cbsvc_json_set(*json, pointer, value, &result) != CBSVC_OK)
        fail("a value cannot be set");
    cbsvc_string_free(*json);
    *json = result;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size;
    char *text;
    if (!file)
        fail("the scenarios cannot be opened");
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    text = calloc(1, (size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, file) != (size_t)size)
        fail("the scenarios cannot be read");
    fclose(file);
    return text;
}

static void begin_line(void)
{
    events = 0;
    printf("{\"events\":[");
}

static void end_line(cbsvc_status status, const char *outcome)
{
    char *name = outcome ? at(outcome, "/error/name") : NULL;
    /* The status of a call that was started is in its outcome. */
    printf("],\"outcome\":%s,\"status\":\"%s\"}\n", outcome ? outcome : "null",
           status == CBSVC_OK && name ? name : cbsvc_status_name(status));
    cbsvc_string_free(name);
}

static void on_event(const char *event, const char *data, void *user_data)
{
    (void)user_data;
    printf("%s[\"%s\",%s]", events++ ? "," : "", event, data);
}

static void on_done(const char *event, const char *data, void *user_data)
{
    on_event(event, data, user_data);
    completed = at(data, "");
}

/* With "handlers":"poll": takes an event, and keeps it if it completes the call. */
static cbsvc_status take_event(cbsvc_service *service, int32_t timeout_ms, uint64_t call)
{
    uint64_t id;
    char *event, *data;
    cbsvc_status status = cbsvc_next_event(service, timeout_ms, &id, &event, &data);
    if (status == CBSVC_OK && call && id == call)
        on_done(event, data, NULL);
    else if (status == CBSVC_OK)
        on_event(event, data, NULL);
    cbsvc_string_free(event);
    cbsvc_string_free(data);
    return status;
}

static cbsvc_status run_started(cbsvc_service *service, const char *name, const char *data, int is_poll)
{
    uint64_t call;
    cbsvc_status status;
    completed = NULL;
    status = cbsvc_start(service, name, data, is_poll ? NULL : on_done, NULL, NULL, &call);
    if (status != CBSVC_OK)
        return status;
    while (!completed)
        if ((is_poll ? take_event(service, -1, call) : cbsvc_dispatch(service, -1)) != CBSVC_OK)
            fail("the call does not complete");
    while ((is_poll ? take_event(service, 0, 0) : cbsvc_dispatch(service, 0)) == CBSVC_OK)
        continue;
    return CBSVC_OK;
}

/* The data of a step, with what it takes from earlier outcomes; NULL if it has none. */
static char *data_of(const char *step, char *const *outcomes)
{
    char *data = at(step, "/data"), *earlier, *pointer, *to, *value;
    int i;
    for (i = 0; (earlier = at(step, "/from/%d/step", i)) != NULL; i++) {
        pointer = at(step, "/from/%d/pointer", i);
        to = at(step, "/from/%d/to", i);
        value = at(outcomes[atoi(earlier)], "%s", pointer);
        if (!value)
            fail("an earlier outcome lacks a value");
        put(&data, to, value);
        cbsvc_string_free(earlier);
        cbsvc_string_free(pointer);
        cbsvc_string_free(to);
        cbsvc_string_free(value);
    }
    return data;
}

/* The configuration of a scenario's API at this server. */
static char *config_of(const char *file, const char *scenario, const char *base, int is_poll)
{
    char *api = at(scenario, "/api"), *config = at(file, "/apis/%s", api), *path = at(config, "/dataURL");
    char *url = malloc(strlen(base) + strlen(path) + 1);
    if (!url)
        fail("out of memory");
    sprintf(url, "%s%s", base, path);
    put(&config, "/dataURL", url);
    if (is_poll)
        put(&config, "/handlers", "poll");
    free(url);
    cbsvc_string_free(api);
    cbsvc_string_free(path);
    return config;
}

/* Opens the service, and prints the line of that. */
static cbsvc_service *open_service(const char *config, const char *scenario, int is_poll)
{
    cbsvc_service *service;
    cbsvc_status status;
    char *error, *changes = at(scenario, "/config");
    begin_line();
    if (cbsvc_init(config, is_poll ? NULL : on_event, NULL, &service, &error) != CBSVC_OK)
        fail(error);
    status = changes ? cbsvc_configure(service, changes, NULL) : CBSVC_OK;
    while (is_poll && take_event(service, 0, 0) == CBSVC_OK)
        continue;
    end_line(status, NULL);
    cbsvc_string_free(changes);
    return service;
}

static void run_steps(cbsvc_service *service, const char *scenario, const char *form)
{
    char *step, *outcomes[MOST_STEPS] = {NULL};
    int i;
    for (i = 0; i < MOST_STEPS && (step = at(scenario, "/steps/%d", i)) != NULL; i++) {
        char *name = at(step, "/command"), *data = data_of(step, outcomes);
        cbsvc_status status;
        begin_line();
        if (strcmp(form, "blocking") == 0) {
            status = cbsvc_command(service, name, data, &outcomes[i]);
        } else {
            status = run_started(service, name, data, strcmp(form, "poll") == 0);
            outcomes[i] = completed;
        }
        end_line(status, outcomes[i]);
        cbsvc_string_free(name);
        cbsvc_string_free(data);
        cbsvc_string_free(step);
    }
    for (i = 0; i < MOST_STEPS; i++)
        cbsvc_string_free(outcomes[i]);
}

int main(int argc, char **argv)
{
    char *file, *scenario, *config;
    cbsvc_service *service;
    int is_poll;

    if (argc != 5)
        fail("usage: runner FILE INDEX BASE blocking|started|poll");
    is_poll = strcmp(argv[4], "poll") == 0;
    file = read_file(argv[1]);
    scenario = at(file, "/scenarios/%s", argv[2]);
    if (!scenario)
        fail("there is no such scenario");
    config = config_of(file, scenario, argv[3], is_poll);
    service = open_service(config, scenario, is_poll);
    run_steps(service, scenario, argv[4]);
    free(file);
    cbsvc_string_free(scenario);
    cbsvc_string_free(config);
    return cbsvc_close(service, -1) == CBSVC_OK ? 0 : 1;
}
