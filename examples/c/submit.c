/*
 * A step of an IVR script: stores a callback for the caller, and leaves. It does not wait for the server, which may be away;
 * deliverer.c sends the booking.
 *
 *     submit CONFIG_FILE PHONE_NUMBER KEY [DESIRED_TIME]
 *
 * CONFIG_FILE holds a JSON object with dataURL and outbox.file. KEY identifies the request, such as the identifier of the call:
 * a script that runs this step twice stores one booking.
 */
#include <stdio.h>
#include <stdlib.h>

#include "callbackservice.h"

/* Puts a string into a JSON text, which is freed and replaced; NULL is a new object. */
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

/* The configuration in a file, with one string replaced. */
static char *configuration(const char *path, const char *pointer, const char *value)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    char *changed;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    if (cbsvc_json_set(text, pointer, value, &changed) != CBSVC_OK) {
        fprintf(stderr, "%s is not a JSON object, or too large\n", path);
        exit(1);
    }
    return changed;
}

int main(int argc, char **argv)
{
    cbsvc_service *service;
    cbsvc_status status;
    char *config, *booking, *outcome, *error, *text;

    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: submit CONFIG_FILE PHONE_NUMBER KEY [DESIRED_TIME]\n");
        return 2;
    }
    /* This process only stores: it starts no thread, and sends nothing. */
    config = configuration(argv[1], "/outbox/deliver", "command");
    status = cbsvc_init(config, NULL, NULL, &service, &error);
    cbsvc_string_free(config);
    if (status != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }

    booking = with(NULL, "/phonenumber", argv[2]);
    booking = with(booking, "/key", argv[3]);
    if (argc == 5)
        booking = with(booking, "/desiredtime", argv[4]);
    status = cbsvc_command(service, "CallbackService.submit", booking, &outcome);
    cbsvc_string_free(booking);

    /* From here on the booking is on disk, whatever happens to this process, the server or the power supply. */
    cbsvc_json_get(outcome, status == CBSVC_OK ? "/entry" : "/error/message", &text);
    fprintf(status == CBSVC_OK ? stdout : stderr, "%s %s\n", status == CBSVC_OK ? "stored as" : "not stored:", text);
    cbsvc_string_free(text);
    cbsvc_string_free(outcome);
    cbsvc_close(service, 1000);
    return status == CBSVC_OK ? 0 : 1;
}
