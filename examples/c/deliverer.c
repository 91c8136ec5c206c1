/*
 * A daemon that delivers the bookings of an outbox, until SIGTERM or SIGINT ends it. callback-deliverer.service runs it under
 * systemd.
 *
 *     deliverer CONFIG_FILE
 *
 * CONFIG_FILE holds a JSON object with dataURL and outbox.file. For each entry that is delivered, refused, unknown or expired,
 * it prints one line without personal data.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callbackservice.h"

static volatile sig_atomic_t is_ending;

static void end(int signal_number)
{
    (void)signal_number;
    is_ending = 1;
}

/* Puts a string into a JSON text, which is freed and replaced. */
static char *with(char *json, const char *pointer, const char *value)
{
    char *changed;
    cbsvc_status status = cbsvc_json_set(json, pointer, value, &changed);

    if (status != CBSVC_OK) {
        fprintf(stderr, "%s: %s\n", pointer, cbsvc_status_name(status));
        exit(1);
    }
    cbsvc_string_free(json);
    return changed;
}

static char *read_file(const char *path)
{
    enum { SIZE = 65536 };
    FILE *file = fopen(path, "r");
    char *text;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    text = calloc(1, SIZE);
    if (text == NULL || fread(text, 1, SIZE - 1, file) == 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    fclose(file);
    return text;
}

static cbsvc_service *open_service(const char *path)
{
    cbsvc_service *service;
    char *text = read_file(path), *config, *error;

    /* Events are taken with cbsvc_next_event: no function of this program is called from another thread. */
    if (cbsvc_json_set(text, "/handlers", "poll", &config) != CBSVC_OK) {
        fprintf(stderr, "%s is not a JSON object, or too large\n", path);
        exit(1);
    }
    free(text);
    config = with(config, "/outbox/deliver", "thread");
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    cbsvc_string_free(config);
    return service;
}

static void print_event(const char *event, const char *data)
{
    char *entry, *detail;
    int is_delivered = strcmp(event, "CallbackService.scheduled") == 0;

    if (cbsvc_json_get(data, "/entry", &entry) != CBSVC_OK)
        return;
    cbsvc_json_get(data, is_delivered ? "/id" : "/error/name", &detail);
    printf("%s %s %s\n", entry, is_delivered ? "delivered as" : "not delivered:", detail ? detail : "");
    fflush(stdout);
    cbsvc_string_free(entry);
    cbsvc_string_free(detail);
}

int main(int argc, char **argv)
{
    struct sigaction action;
    cbsvc_service *service;
    cbsvc_status status;
    char *event, *data;

    if (argc != 2) {
        fprintf(stderr, "usage: deliverer CONFIG_FILE\n");
        return 2;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = end;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    service = open_service(argv[1]);
    while (!is_ending) {
        status = cbsvc_next_event(service, 250, NULL, &event, &data);
        if (status == CBSVC_OK) {
            print_event(event, data);
            cbsvc_string_free(event);
            cbsvc_string_free(data);
        } else if (status != CBSVC_TIMEOUT) {
            fprintf(stderr, "%s\n", cbsvc_status_name(status));
            return 1;
        }
    }
    /* What is under way is given back, and looked up by the next deliverer. */
    return cbsvc_close(service, 5000) == CBSVC_OK ? 0 : 1;
}
