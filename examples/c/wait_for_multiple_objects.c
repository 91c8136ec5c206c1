/*
 * Windows: one thread books many callbacks at the same time, and waits for the library and for an event that stops it.
 *
 *     wait_for_multiple_objects DATA_URL COUNT [STOP_EVENT]
 *
 * DATA_URL is, for example, http://127.0.0.1:8080/genesys/1/service/callback/samples. Ctrl+C sets the stop event; with a name
 * such as Local\stop-booking, another program can set it too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "callbackservice.h"

struct counts {
    int booked, refused, pending;
};

static HANDLE stop;

static BOOL WINAPI on_console(DWORD signal)
{
    return signal == CTRL_C_EVENT && SetEvent(stop);
}

static void on_done(const char *event, const char *outcome, void *user_data)
{
    struct counts *counts = user_data;

    (void)outcome;
    counts->pending--;
    if (strcmp(event, "CallbackService.scheduled") == 0)
        counts->booked++;
    else
        counts->refused++;
}

static int start_calls(cbsvc_service *service, int count, struct counts *counts)
{
    char number[16];
    char *data;
    int i;

    for (i = 0; i < count; i++) {
        snprintf(number, sizeof number, "+1415%07d", i);
        if (cbsvc_json_set(NULL, "/phonenumber", number, &data) != CBSVC_OK)
            return 0;
        if (cbsvc_start(service, "CallbackService.schedule", data, on_done, counts, NULL, NULL) == CBSVC_OK)
            counts->pending++;
        cbsvc_string_free(data);
    }
    return 1;
}

int main(int argc, char **argv)
{
    struct counts counts = {0, 0, 0};
    cbsvc_service *service;
    char *config, *error;
    intptr_t waitable;
    HANDLE objects[2];
    int is_stopped = 0;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: wait_for_multiple_objects DATA_URL COUNT [STOP_EVENT]\n");
        return 2;
    }
    stop = CreateEventA(NULL, TRUE, FALSE, argc == 4 ? argv[3] : NULL);
    if (stop == NULL || !SetConsoleCtrlHandler(on_console, TRUE))
        return 1;
    if (cbsvc_json_set("{\"ajaxTimeout\":30000,\"maxConnections\":50}", "/dataURL", argv[1], &config) != CBSVC_OK)
        return 1;
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }
    cbsvc_string_free(config);
    if (cbsvc_waitable(service, &waitable) != CBSVC_OK || !start_calls(service, atoi(argv[2]), &counts))
        return 1;

    /* Of several signaled objects the first one counts: the stop event does not wait until no call completes any more. */
    objects[0] = stop;
    objects[1] = (HANDLE)waitable;
    while (counts.pending > 0 && !is_stopped) {
        switch (WaitForMultipleObjects(2, objects, FALSE, INFINITE)) {
        case WAIT_OBJECT_0:
            is_stopped = 1;
            break;
        case WAIT_OBJECT_0 + 1:
            cbsvc_dispatch(service, 0); /* calls on_done */
            break;
        default:
            fprintf(stderr, "the wait fails: error %lu\n", GetLastError());
            return 1;
        }
    }
    /* Calls that are under way are cancelled, and on_done is called for them too. */
    cbsvc_close(service, 1000);
    CloseHandle(stop);
    printf("%d booked, %d refused or cancelled\n", counts.booked, counts.refused);
    return is_stopped || counts.refused > 0;
}
