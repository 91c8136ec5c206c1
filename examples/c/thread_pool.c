/*
 * A pool of threads that share one service and use blocking commands.
 *
 *     thread_pool DATA_URL THREADS BOOKINGS
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "callbackservice.h"

static struct {
    pthread_mutex_t lock;
    cbsvc_service *service;
    int left, booked, refused;
} pool = {PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0, 0};

/* Takes the next number from the list, here simply a count; 0 when there is none. */
static int next_booking(void)
{
    int number;

    pthread_mutex_lock(&pool.lock);
    number = pool.left > 0 ? pool.left-- : 0;
    pthread_mutex_unlock(&pool.lock);
    return number;
}

static void *work(void *unused)
{
    int number;

    (void)unused;
    while ((number = next_booking()) != 0) {
        char phone[16];
        char *data;
        cbsvc_status status;
        snprintf(phone, sizeof phone, "+1415%07d", number);
        status = cbsvc_json_set(NULL, "/phonenumber", phone, &data);
        if (status == CBSVC_OK)
            status = cbsvc_schedule(pool.service, data, NULL);
        cbsvc_string_free(data);
        pthread_mutex_lock(&pool.lock);
        if (status == CBSVC_OK)
            pool.booked++;
        else
            pool.refused++;
        pthread_mutex_unlock(&pool.lock);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    char *config, *error;
    pthread_t threads[64];
    int i, count;

    if (argc != 4 || (count = atoi(argv[2])) < 1 || count > 64) {
        fprintf(stderr, "usage: thread_pool DATA_URL THREADS BOOKINGS, with 1 to 64 threads\n");
        return 2;
    }
    pool.left = atoi(argv[3]);
    if (cbsvc_json_set("{\"ajaxTimeout\":30000}", "/dataURL", argv[1], &config) != CBSVC_OK)
        return 1;
    if (cbsvc_init(config, NULL, NULL, &pool.service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }
    cbsvc_string_free(config);
    for (i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            return 1;
    for (i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    cbsvc_close(pool.service, 1000);
    printf("%d booked, %d refused\n", pool.booked, pool.refused);
    return pool.refused == 0 ? 0 : 1;
}
