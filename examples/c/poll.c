/*
 * Books without handlers: the call is started, and its completion is taken when it is there.
 *
 *     poll DATA_URL, for example http://127.0.0.1:8080/genesys/1/service/callback/samples
 */
#include <stdio.h>

#include "callbackservice.h"

int main(int argc, char **argv)
{
    char config[512];
    char *error, *event, *data;
    cbsvc_service *service;
    cbsvc_status status;
    uint64_t booking, call = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: poll DATA_URL\n");
        return 2;
    }
    snprintf(config, sizeof config, "{\"dataURL\":\"%s\",\"handlers\":\"poll\"}", argv[1]);
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }
    status = cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}", NULL, NULL, NULL,
                         &booking);
    while (status == CBSVC_OK && call != booking) {
        status = cbsvc_next_event(service, 1000, &call, &event, &data);
        if (status == CBSVC_OK) {
            printf("%s: %s %s\n", call == booking ? "booking" : "event", event, data);
            cbsvc_string_free(event);
            cbsvc_string_free(data);
        } else if (status == CBSVC_TIMEOUT) {
            puts("still waiting");
            status = CBSVC_OK;
        }
    }
    if (status != CBSVC_OK)
        fprintf(stderr, "%s\n", cbsvc_status_name(status));
    cbsvc_close(service, 1000);
    return status == CBSVC_OK ? 0 : 1;
}
