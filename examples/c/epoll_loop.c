/*
 * One thread, one epoll loop, hundreds of bookings at the same time.
 *
 *     epoll_loop DATA_URL COUNT, for example http://127.0.0.1:8080/genesys/1/service/callback/samples 300
 *
 * The library's descriptor stands in the loop beside the program's own, here a timer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "callbackservice.h"

struct counts {
    int booked, refused, pending;
};

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

static int watch(int loop, int descriptor)
{
    struct epoll_event event = {0};

    event.events = EPOLLIN;
    event.data.fd = descriptor;
    return epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event);
}

int main(int argc, char **argv)
{
    char number[16];
    char *config, *data, *error;
    cbsvc_service *service;
    struct counts counts = {0, 0, 0};
    struct itimerspec every_second = {{1, 0}, {1, 0}};
    int i, loop = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    intptr_t waitable;

    if (argc != 3) {
        fprintf(stderr, "usage: epoll_loop DATA_URL COUNT\n");
        return 2;
    }
    if (cbsvc_json_set("{\"ajaxTimeout\":30000,\"maxConnections\":50}", "/dataURL", argv[1], &config) != CBSVC_OK)
        return 1;
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }
    cbsvc_string_free(config);
    timerfd_settime(timer, 0, &every_second, NULL);
    if (cbsvc_waitable(service, &waitable) != CBSVC_OK || watch(loop, (int)waitable) != 0 || watch(loop, timer) != 0)
        return 1;

    for (i = 0; i < atoi(argv[2]); i++) {
        snprintf(number, sizeof number, "+1415%07d", i);
        if (cbsvc_json_set(NULL, "/phonenumber", number, &data) != CBSVC_OK)
            return 1;
        if (cbsvc_start(service, "CallbackService.schedule", data, on_done, &counts, NULL, NULL) == CBSVC_OK)
            counts.pending++;
        cbsvc_string_free(data);
    }
    while (counts.pending > 0) {
        struct epoll_event event;
        if (epoll_wait(loop, &event, 1, -1) != 1)
            continue; /* a signal */
        if (event.data.fd == (int)waitable) {
            cbsvc_dispatch(service, 0);
        } else {
            uint64_t expirations;
            if (read(timer, &expirations, sizeof expirations) > 0)
                printf("%d still waiting\n", counts.pending);
        }
    }
    close(loop);
    close(timer);
    cbsvc_close(service, 1000);
    printf("%d booked, %d refused\n", counts.booked, counts.refused);
    return counts.refused == 0 ? 0 : 1;
}
