/*
 * Closes a service and looks for its secrets in all of the process's memory.
 *
 *     secrets_wiped [keep]
 *
 * With `keep` the service stays open, which proves that the search finds what is there.
 */
#include <fcntl.h>
#include <unistd.h>

#include "check.h"

#define SECRETS 3
#define LENGTH 16
#define COVER 0x15

/* Covered, so that the program itself holds no copy: api-key-6b1f93a2 and the like. */
static char covered[SECRETS][LENGTH + 1];

static void cover(int number)
{
    unsigned seed = (unsigned)getpid() * 2654435761u + (unsigned)number * 40503u;
    int i;

    for (i = 0; i < LENGTH; i++) {
        seed = seed * 1103515245u + 12345u;
        covered[number][i] = (char)(('a' + (seed >> 16) % 26) ^ COVER);
    }
}

static void uncover(int number, char *text)
{
    int i;

    for (i = 0; i < LENGTH; i++)
        text[i] = covered[number][i] ^ COVER;
    text[LENGTH] = 0;
}

static void forget(volatile char *memory, size_t size)
{
    while (size-- > 0)
        *memory++ = 0;
}

static int is_secret(const char *memory, int number)
{
    int i;

    for (i = 0; i < LENGTH; i++)
        if ((memory[i] ^ COVER) != covered[number][i])
            return 0;
    return 1;
}

/* How often a secret stands in a range of memory, which is read through a window of its own. */
static long found_between(int file, unsigned long begin, unsigned long end, int number)
{
    static char window[1 << 16];
    unsigned long at;
    long found = 0, got, i;

    for (at = begin; at < end; at += sizeof window - LENGTH) {
        got = pread(file, window, end - at < sizeof window ? end - at : sizeof window, (off_t)at);
        for (i = 0; i + LENGTH <= got; i++)
            if (at + (unsigned long)i < (unsigned long)window || at + (unsigned long)i >= (unsigned long)window + sizeof window)
                found += is_secret(window + i, number);
        forget(window, sizeof window);
    }
    return found;
}

static long found(int number)
{
    char line[512], access[8];
    unsigned long begin, end;
    long count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    int file = open("/proc/self/mem", O_RDONLY);

    CHECK(maps != NULL && file >= 0);
    while (fgets(line, sizeof line, maps) != NULL)
        if (sscanf(line, "%lx-%lx %7s", &begin, &end, access) == 3 && access[0] == 'r' && access[1] == 'w')
            count += found_between(file, begin, end, number);
    fclose(maps);
    close(file);
    return count;
}

static cbsvc_service *open_with_secrets(void)
{
    char config[1024], change[256], key[LENGTH + 1], password[LENGTH + 1], later[LENGTH + 1];
    cbsvc_service *service = NULL;

    uncover(0, key);
    uncover(1, password);
    uncover(2, later);
    /* Nobody listens there. */
    snprintf(config, sizeof config,
             "{\"dataURL\":\"http://127.0.0.1:1/x\",\"proxy\":\"none\",\"retry\":{\"attempts\":1},\"apikey\":\"%s\","
             "\"basicAuth\":{\"username\":\"u\",\"password\":\"%s\"}}", key, password);
    snprintf(change, sizeof change, "{\"apikey\":\"%s\"}", later);
    CHECK(cbsvc_init(config, NULL, NULL, &service, NULL) == CBSVC_OK);
    CHECK(cbsvc_schedule(service, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_CONNECT);
    CHECK(cbsvc_configure(service, change, NULL) == CBSVC_OK);
    CHECK(cbsvc_availability(service, "{\"numberOfDays\":1}", NULL) == CBSVC_CONNECT);
    forget(config, sizeof config);
    forget(change, sizeof change);
    forget(key, sizeof key);
    forget(password, sizeof password);
    forget(later, sizeof later);
    return service;
}

int main(int argc, char **argv)
{
    cbsvc_service *service;
    int number, keep = argc == 2 && strcmp(argv[1], "keep") == 0;

    for (number = 0; number < SECRETS; number++)
        cover(number);
    service = open_with_secrets();
    if (!keep)
        CHECK(cbsvc_close(service, 5000) == CBSVC_OK);
    for (number = 0; number < SECRETS; number++)
        printf("secret %d: %ld copies\n", number, found(number));
    return 0;
}
