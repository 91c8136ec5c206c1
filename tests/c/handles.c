/*
 * What a handle can detect, as the comment of cbsvc_service says: closed and forged handles, and numbers that are none.
 *
 *     handles
 */
#include <stdint.h>

#include "check.h"

#if UINTPTR_MAX > 0xffffffffu
#define SERVICES 3000
#define FIRST_BIT_OF_THE_GENERATION 21
#define BITS 64
#else
/* As many as there can be. */
#define SERVICES 1024
#define FIRST_BIT_OF_THE_GENERATION 11
#define BITS 32
#endif
#define ROUNDS 5000

static const char *CONFIG = "{\"dataURL\":\"http://127.0.0.1:9/%s\"}";
static cbsvc_service *services[SERVICES];

static int is_open(uintptr_t handle)
{
    cbsvc_status status = cbsvc_unsubscribe((cbsvc_service *)handle, 1);

    CHECK(status == CBSVC_NO_SUCH || status == CBSVC_BAD_HANDLE);
    return status == CBSVC_NO_SUCH;
}

static void numbers_are_none(void)
{
    intptr_t number;
    size_t i;

    for (number = -2048; number <= 2048; number++)
        CHECK(!is_open((uintptr_t)number));
    for (i = 0; i < SERVICES; i++)
        CHECK(!is_open((uintptr_t)&services[i]));
}

static void changed_handles_are_none(uintptr_t handle)
{
    int bit;

    CHECK(is_open(handle) && !is_open(handle ^ 1));
    for (bit = FIRST_BIT_OF_THE_GENERATION; bit < BITS; bit++)
        CHECK(!is_open(handle ^ (uintptr_t)1 << bit));
}

static void only_so_many_are_opened(void)
{
    char *error = NULL;
    cbsvc_service *one_more = (cbsvc_service *)&error;
    cbsvc_status status = cbsvc_init("{\"dataURL\":\"http://127.0.0.1:9/x\"}", NULL, NULL, &one_more, &error);

    if (BITS == 32) {
        CHECK(status == CBSVC_BUSY && one_more == NULL && strstr(error, "too many services are open") != NULL);
        cbsvc_string_free(error);
    } else {
        CHECK(status == CBSVC_OK && cbsvc_close(one_more, 0) == CBSVC_OK);
    }
}

static void closed_handles_stay_closed(void)
{
    cbsvc_service *closed = services[0];
    int round;

    for (round = 0; round < ROUNDS; round++) {
        cbsvc_service *other = open_service(CONFIG, "x");
        CHECK(other != closed && !is_open((uintptr_t)closed));
        CHECK(cbsvc_close(other, 0) == CBSVC_OK && cbsvc_close(other, 0) == CBSVC_BAD_HANDLE);
    }
}

int main(void)
{
    int i;

    for (i = 0; i < SERVICES; i++) {
        services[i] = open_service(CONFIG, "x");
        CHECK((uintptr_t)services[i] % 2 == 1 && (uint64_t)(uintptr_t)services[i] < (uint64_t)1 << 53);
    }
    only_so_many_are_opened();
    numbers_are_none();
    changed_handles_are_none((uintptr_t)services[0]);
    changed_handles_are_none((uintptr_t)services[SERVICES - 1]);
    for (i = 0; i < SERVICES; i++) {
        CHECK(cbsvc_close(services[i], 0) == CBSVC_OK);
        CHECK(cbsvc_close(services[i], 0) == CBSVC_BAD_HANDLE);
    }
    closed_handles_stay_closed();
    printf("%d checks passed\n", checks);
    return 0;
}
