/*
 * Books over TLS: blocking and started, on a new connection and a kept one.
 *
 *     tls BASE_URL CA_FILE
 */
#include "check.h"

int main(int argc, char **argv)
{
    char format[512];
    cbsvc_service *service;
    int i;

    CHECK(argc == 3);
    snprintf(format, sizeof format,
             "{\"dataURL\":\"%%s/x\",\"ajaxTimeout\":60000,\"proxy\":\"none\",\"tls\":{\"caFile\":\"%s\"}}", argv[2]);
    service = open_service(format, argv[1]);
    for (i = 0; i < 5; i++) {
        char *text = NULL;

        CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"1\"}", &text) == CBSVC_OK);
        cbsvc_string_free(text);
        CHECK(cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", NULL, NULL, NULL, NULL) ==
              CBSVC_OK);
        CHECK(cbsvc_dispatch(service, 60000) == CBSVC_OK);
    }
    CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
    printf("%d checks passed\n", checks);
    return 0;
}
