/*
 * Many calls of all kinds on one service, for as long as it takes to see whether memory grows.
 *
 *     soak BASE_URL CALLS [KIB]
 *
 * BASE_URL is a sandbox. Prints the resident memory after a twentieth of the calls and at the end, and fails when it has
 * grown by more than KIB (1024) in between.
 */
#include <unistd.h>

#include "check.h"

#define V1 "{\"dataURL\":\"%s/genesys/1/service/callback/samples\",\"ajaxTimeout\":30000,\"proxy\":\"none\"}"
#define KIB "1024"
#define STARTED 20

static long ended;

static void done(const char *event, const char *data, void *user_data)
{
    (void)event;
    (void)user_data;
    CHECK(data[0] == '{');
    ended++;
}

/* Blocking calls that resolve and that are refused, asynchronous calls, subscriptions, a new configuration. */
static long one_round(cbsvc_service *service, long round)
{
    char data[128];
    char *text = NULL;
    uint64_t subscription = 0;
    int i;

    CHECK(cbsvc_subscribe(service, "*", done, NULL, NULL, &subscription) == CBSVC_OK);
    for (i = 0; i < STARTED; i++) {
        snprintf(data, sizeof data, "{\"phonenumber\":\"+1415%07ld\"}", (round * STARTED + i) % 10000000);
        CHECK(cbsvc_start(service, "CallbackService.schedule", data, NULL, NULL, NULL, NULL) == CBSVC_OK);
        cbsvc_schedule(service, "{\"phonenumber\":\"\"}", &text);
        CHECK(text != NULL);
        cbsvc_string_free(text);
        CHECK(cbsvc_availability(service, "{\"numberOfDays\":1,\"maxTimeSlots\":5}", &text) == CBSVC_OK);
        cbsvc_string_free(text);
    }
    ended = 0;
    while (ended < STARTED)
        CHECK(cbsvc_dispatch(service, 30000) == CBSVC_OK);
    CHECK(cbsvc_unsubscribe(service, subscription) == CBSVC_OK);
    snprintf(data, sizeof data, "{\"userData\":{\"round\":%ld}}", round);
    CHECK(cbsvc_configure(service, data, NULL) == CBSVC_OK);
    return 3 * STARTED;
}

int main(int argc, char **argv)
{
    cbsvc_service *service;
    long calls = 0, wanted, settled = 0, round, last;

    CHECK(argc == 3 || argc == 4);
    wanted = atol(argv[2]);
    service = open_service(V1, argv[1]);
    for (round = 0; calls < wanted; round++) {
        calls += one_round(service, round);
        if (settled == 0 && calls >= wanted / 20)
            settled = status_of_process("VmRSS");
    }
    last = status_of_process("VmRSS");
    CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
    printf("%ld calls: %ld KiB resident after the first %ld, %ld at the end\n", calls, settled, wanted / 20, last);
    CHECK(last <= settled + atol(argc == 4 ? argv[3] : KIB));
    printf("%d checks passed\n", checks);
    return 0;
}
