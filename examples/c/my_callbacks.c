/*
 * Lists the callbacks of a caller, moves the first to the eighth free slot, and cancels the last.
 *
 *     my_callbacks DATA_URL NUMBER, for example http://127.0.0.1:8080/genesys/1/service/callback/samples +14155550123
 *
 * Query and reschedule need the v1 API.
 */
#include <stdio.h>

#include "callbackservice.h"

/* Runs a command with up to two options; the outcome, or NULL after a message. */
static char *run(cbsvc_service *service, const char *command, const char *key1, const char *value1, const char *key2,
                 const char *value2)
{
    char *one = NULL, *options = NULL, *outcome = NULL, *message = NULL;
    cbsvc_status status = cbsvc_json_set(NULL, key1, value1, &one);

    if (status == CBSVC_OK)
        status = cbsvc_json_set(one, key2, value2, &options);
    if (status == CBSVC_OK)
        status = cbsvc_command(service, command, options, &outcome);
    if (status != CBSVC_OK) {
        cbsvc_json_get(outcome, "/error/message", &message);
        fprintf(stderr, "%s: %s\n", command, message != NULL ? message : cbsvc_status_name(status));
        cbsvc_string_free(message);
        cbsvc_string_free(outcome);
        outcome = NULL;
    }
    cbsvc_string_free(one);
    cbsvc_string_free(options);
    return outcome;
}

int main(int argc, char **argv)
{
    char *config, *error, *callbacks, *slots = NULL, *outcome = NULL;
    char pointer[40], id[80], time[40], state[20];
    cbsvc_service *service;
    uint32_t count = 0, i;
    int failed = 1;

    if (argc != 3 || cbsvc_json_set(NULL, "/dataURL", argv[1], &config) != CBSVC_OK)
        return 2;
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        return 2;
    }
    callbacks = run(service, "CallbackService.query", "/phonenumber", argv[2], "/state", "SCHEDULED");
    cbsvc_json_count(callbacks, "/callbacks", &count);
    for (i = 0; i < count; i++) {
        snprintf(pointer, sizeof pointer, "/callbacks/%u/id", (unsigned)i);
        cbsvc_json_read(callbacks, pointer, id, sizeof id, NULL);
        snprintf(pointer, sizeof pointer, "/callbacks/%u/desiredTime", (unsigned)i);
        cbsvc_json_read(callbacks, pointer, time, sizeof time, NULL);
        snprintf(pointer, sizeof pointer, "/callbacks/%u/state", (unsigned)i);
        cbsvc_json_read(callbacks, pointer, state, sizeof state, NULL);
        printf("%s %s %s\n", id, time, state);
    }
    if (count > 0 && cbsvc_json_read(callbacks, "/callbacks/0/id", id, sizeof id, NULL) == CBSVC_OK)
        slots = run(service, "CallbackService.availability", "/numberOfDays", "5", "/maxTimeSlots", "8");
    if (slots != NULL && cbsvc_json_read(slots, "/slots/7/utcTime", time, sizeof time, NULL) == CBSVC_OK)
        outcome = run(service, "CallbackService.reschedule", "/id", id, "/desiredtime", time);
    if (outcome != NULL) {
        printf("moved %s to %s\n", id, time);
        cbsvc_string_free(outcome);
        snprintf(pointer, sizeof pointer, "/callbacks/%u/id", (unsigned)(count - 1));
        cbsvc_json_read(callbacks, pointer, id, sizeof id, NULL);
        outcome = run(service, "CallbackService.cancel", "/id", id, "/discardOrsFailure", NULL);
        failed = outcome == NULL;
        if (!failed)
            printf("cancelled %s\n", id);
    }
    cbsvc_string_free(outcome);
    cbsvc_string_free(slots);
    cbsvc_string_free(callbacks);
    cbsvc_string_free(config);
    return cbsvc_close(service, 1000) != CBSVC_OK || failed;
}
