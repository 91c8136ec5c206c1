/*
 * What an application pays that loads a library on demand: dlopen, initialisation, first booking.
 *
 * load LIBRARY URL, where LIBRARY is the path of libcallbackservice, or the name of libcurl.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "callbackservice.h"

#define LOAD(library, name) __typeof__(name) *load_##name = (__typeof__(name) *)find_symbol(library, #name)

static void fail(const char *message)
{
    fprintf(stderr, "load: %s\n", message);
    exit(1);
}

static void *open_library(const char *name)
{
    void *library = dlopen(name, RTLD_NOW);
    if (!library)
        fail(dlerror());
    return library;
}

static void *find_symbol(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (!symbol)
        fail(name);
    return symbol;
}

static void book_with_callbackservice(const char *path, const char *url)
{
    void *library = open_library(path);
    LOAD(library, cbsvc_init);
    LOAD(library, cbsvc_schedule);
    char config[256], *outcome;
    cbsvc_service *service;
    snprintf(config, sizeof config, "{\"dataURL\":\"%s\",\"proxy\":\"none\"}", url);
    if (load_cbsvc_init(config, NULL, NULL, &service, NULL) ||
        load_cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome) || !strstr(outcome, "\"id\":\""))
        fail("not booked");
}

static size_t append_body(char *data, size_t size, size_t count, void *body)
{
    strncat(body, data, size * count);
    return size * count;
}

static void book_with_curl(const char *name, const char *url)
{
    void *curl = open_library(name), *cjson = open_library("libcjson.so.1");
    LOAD(curl, curl_global_init);
    LOAD(curl, curl_easy_init);
    LOAD(curl, curl_easy_setopt);
    LOAD(curl, curl_easy_perform);
    LOAD(cjson, cJSON_Parse);
    LOAD(cjson, cJSON_GetObjectItemCaseSensitive);
    static char body[4096];
    if (load_curl_global_init(CURL_GLOBAL_DEFAULT))
        fail("curl_global_init");
    CURL *easy = load_curl_easy_init();
    load_curl_easy_setopt(easy, CURLOPT_URL, url);
    load_curl_easy_setopt(easy, CURLOPT_PROXY, "");
    load_curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    load_curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 3000L);
    load_curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "_customer_number=%2B14151110000");
    load_curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append_body);
    load_curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    if (load_curl_easy_perform(easy) || !load_cJSON_GetObjectItemCaseSensitive(load_cJSON_Parse(body), "_id"))
        fail("not booked");
}

int main(int count, char **arguments)
{
    if (count != 3)
        fail("usage: load LIBRARY URL");
    if (strstr(arguments[1], "curl"))
        book_with_curl(arguments[1], arguments[2]);
    else
        book_with_callbackservice(arguments[1], arguments[2]);
    return 0;
}
