/*
 * What a program pays that loads a library only when it needs one: dlopen, initialisation, first answer.
 *
 * load LIBRARY URL, where LIBRARY is libcallbackservice's path, or libcurl's name.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "callbackservice.h"

#define TAKE(library, name) __typeof__(name) *take_##name = (__typeof__(name) *)found(library, #name)

static void fail(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void *opened(const char *name)
{
    void *library = dlopen(name, RTLD_NOW);
    if (!library)
        fail(dlerror());
    return library;
}

static void *found(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (!symbol)
        fail(name);
    return symbol;
}

static void with_library(const char *path, const char *url)
{
    void *library = opened(path);
    TAKE(library, cbsvc_init);
    TAKE(library, cbsvc_schedule);
    char config[256], *outcome;
    cbsvc_service *service;
    snprintf(config, sizeof config, "{\"dataURL\":\"%s\",\"proxy\":\"none\"}", url);
    if (take_cbsvc_init(config, NULL, NULL, &service, NULL) ||
        take_cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome) || !strstr(outcome, "\"id\":\""))
        fail("not booked");
}

static size_t received(char *data, size_t size, size_t count, void *body)
{
    strncat(body, data, size * count);
    return size * count;
}

static void with_curl(const char *name, const char *url)
{
    void *curl = opened(name), *cjson = opened("libcjson.so.1");
    TAKE(curl, curl_global_init);
    TAKE(curl, curl_easy_init);
    TAKE(curl, curl_easy_setopt);
    TAKE(curl, curl_easy_perform);
    TAKE(cjson, cJSON_Parse);
    TAKE(cjson, cJSON_GetObjectItemCaseSensitive);
    static char body[4096];
    if (take_curl_global_init(CURL_GLOBAL_DEFAULT))
        fail("curl_global_init");
    CURL *easy = take_curl_easy_init();
    take_curl_easy_setopt(easy, CURLOPT_URL, url);
    take_curl_easy_setopt(easy, CURLOPT_PROXY, "");
    take_curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    take_curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 3000L);
    take_curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "_customer_number=%2B14151110000");
    take_curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, received);
    take_curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    if (take_curl_easy_perform(easy) || !take_cJSON_GetObjectItemCaseSensitive(take_cJSON_Parse(body), "_id"))
        fail("not booked");
}

int main(int count, char **arguments)
{
    if (count != 3)
        fail("needs a library and a URL");
    if (strstr(arguments[1], "curl"))
        with_curl(arguments[1], arguments[2]);
    else
        with_library(arguments[1], arguments[2]);
    return 0;
}
