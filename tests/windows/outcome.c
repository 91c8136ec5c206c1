/*
 * Prints the outcome of a booking.
 *
 *     outcome CONFIG_FILE
 */
#include "check.h"

int main(int argc, char **argv)
{
    static char config[4096];
    cbsvc_service *service;
    char *error, *outcome;
    FILE *file;

    CHECK(argc == 2);
    file = fopen(argv[1], "rb");
    CHECK(file != NULL);
    config[fread(config, 1, sizeof config - 1, file)] = '\0';
    fclose(file);
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome);
    puts(outcome);
    cbsvc_string_free(outcome);
    return cbsvc_close(service, 5000) != CBSVC_OK;
}
