/* Two threads write one variable without a lock: what ThreadSanitizer must find before its silence means anything. */
#include <pthread.h>

#include "check.h"

static int shared;

static void *write_it(void *value)
{
    int i;

    for (i = 0; i < 100000; i++)
        shared += (int)(long)value;
    return NULL;
}

int main(void)
{
    pthread_t threads[2];

    CHECK(cbsvc_version() != 0);
    CHECK(pthread_create(&threads[0], NULL, write_it, (void *)1) == 0);
    CHECK(pthread_create(&threads[1], NULL, write_it, (void *)2) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
    return shared == 0;
}
