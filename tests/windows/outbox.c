/*
 * Stores bookings until it is killed, or delivers what is due now.
 *
 *     outbox submit CONFIG_FILE FIRST_NUMBER
 *     outbox deliver CONFIG_FILE
 *
 * `submit` prints the phone number of each booking after it is stored.
 */
#include "check.h"

static const char *read_config(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "rb");

    CHECK(file != NULL);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void submit(cbsvc_service *service, long number)
{
    char data[128];

    for (;; number++) {
        snprintf(data, sizeof data, "{\"phonenumber\":\"+1415%07ld\",\"key\":\"%ld\"}", number, number);
        CHECK(cbsvc_command(service, "CallbackService.submit", data, NULL) == CBSVC_OK);
        printf("+1415%07ld\n", number);
        fflush(stdout);
    }
}

static void deliver(cbsvc_service *service)
{
    char *outcome;

    CHECK(cbsvc_command(service, "CallbackService.deliver", "{\"timeoutMs\":30000}", &outcome) == CBSVC_OK);
    puts(outcome);
    cbsvc_string_free(outcome);
}

int main(int argc, char **argv)
{
    cbsvc_service *service;
    char *error = NULL;

    CHECK(argc >= 3);
    if (cbsvc_init(read_config(argv[2]), NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    if (strcmp(argv[1], "submit") == 0)
        submit(service, atol(argv[3]));
    else
        deliver(service);
    CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
    return 0;
}
