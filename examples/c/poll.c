/*
 * Books without handlers: the call is started, and its completion is taken when it is there.
 *
 *     poll DATA_URL, for example http://127.0.0.1:8080/genesys/1/service/callback/samples
 */
#include <stdio.h>

#include "callbackservice.h"

int main(int argc, char **argv)
{
    char *config, *error, *event, *data;
    cbsvc_service *service;
    cbsvc_status status;
    uint64_t booking, call = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: poll DATA_URL\n");
        return 2;
    }
    if (cbsvc_json_set("{\"handlers\":\"poll\"}", "/dataURL", argv[1], &config) != CBSVC_OK)
        return 1;
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }
    status = cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}", NULL, NULL, NULL,
                         &booking);
    cbsvc_string_free(config);
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
