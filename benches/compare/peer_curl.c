/* The same work with libcurl and cJSON, as a careful C programmer writes it. */
#include "harness.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>

struct client {
    CURL *easy;
    struct curl_slist *headers;
    char url[LONGEST_TEXT];
    char form[LONGEST_TEXT];
    char *body;
    size_t length, room;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        fail("curl_global_init");
}

static size_t received(char *data, size_t size, size_t count, void *user_data)
{
    struct client *client = user_data;
    size_t length = size * count;
    if (client->length + length + 1 > client->room) {
        client->room = (client->length + length + 1) * 2;
        client->body = realloc(client->body, client->room);
        if (!client->body)
            return 0;
    }
    memcpy(client->body + client->length, data, length);
    client->length += length;
    client->body[client->length] = 0;
    return length;
}

static struct client *open_for(const char *url, long timeout_ms)
{
    struct client *client = calloc(1, sizeof *client);
    const char *authorities = getenv("SSL_CERT_FILE");
    pthread_once(&once, initialise);
    if (!client || !(client->easy = curl_easy_init()))
        fail("curl_easy_init");
    snprintf(client->url, sizeof client->url, "%s", url);
    client->headers = curl_slist_append(NULL, "Accept: application/json");
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, received);
    curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(client->easy, CURLOPT_PRIVATE, client);
    if (authorities)
        curl_easy_setopt(client->easy, CURLOPT_CAINFO, authorities);
    return client;
}

static void *open_client(const char *url)
{
    return open_for(url, BLOCKING_TIMEOUT_MS);
}

static void close_client(void *data)
{
    struct client *client = data;
    curl_easy_cleanup(client->easy);
    curl_slist_free_all(client->headers);
    free(client->body);
    free(client);
}

static void prepare_booking(struct client *client)
{
    size_t length = 0;
    for (size_t index = 0; index < FIELD_COUNT; index++) {
        char *value = curl_easy_escape(client->easy, FIELDS[index][1], 0);
        length += (size_t)snprintf(client->form + length, sizeof client->form - length, "%s%s=%s", index ? "&" : "",
            FIELDS[index][0], value);
        curl_free(value);
    }
    client->length = 0;
    curl_easy_setopt(client->easy, CURLOPT_URL, client->url);
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDS, client->form);
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDSIZE, (long)length);
}

static cJSON *parsed(struct client *client, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code || status != 200)
        fail(curl_easy_strerror(code));
    cJSON *json = cJSON_ParseWithLength(client->body, client->length);
    if (!cJSON_IsObject(json))
        fail("not an object");
    return json;
}

static void read_booking(struct client *client, CURLcode code)
{
    cJSON *json = parsed(client, code);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "_id");
    char *kept = cJSON_IsString(id) ? strdup(id->valuestring) : NULL;
    if (!kept)
        fail("no id");
    free(kept);
    cJSON_Delete(json);
}

static void schedule(void *data)
{
    struct client *client = data;
    prepare_booking(client);
    read_booking(client, curl_easy_perform(client->easy));
}

static long availability(void *data)
{
    struct client *client = data;
    char url[LONGEST_TEXT * 2];
    long slots = 0, places = 0;
    char *start = curl_easy_escape(client->easy, "2030-12-01T00:00:00.000Z", 0);
    snprintf(url, sizeof url, "%s/availability?start=%s&number-of-days=%d", client->url, start, 400);
    curl_free(start);
    client->length = 0;
    curl_easy_setopt(client->easy, CURLOPT_URL, url);
    curl_easy_setopt(client->easy, CURLOPT_HTTPGET, 1L);
    cJSON *json = parsed(client, curl_easy_perform(client->easy)), *slot;
    const cJSON *nested = cJSON_GetObjectItemCaseSensitive(json, "data");
    if (nested) {
        cJSON_ArrayForEach(slot, cJSON_GetObjectItemCaseSensitive(nested, "slots")) {
            const cJSON *time = cJSON_GetObjectItemCaseSensitive(slot, "utcTime");
            const cJSON *capacity = cJSON_GetObjectItemCaseSensitive(slot, "capacity");
            places += cJSON_IsString(time) && capacity ? capacity->valueint : 0;
            slots++;
        }
    } else {
        cJSON_ArrayForEach(slot, json) {
            places += slot->string[0] ? slot->valueint : 0;
            slots++;
        }
    }
    if (slots && !places)
        fail("no capacities");
    cJSON_Delete(json);
    return slots;
}

/* Takes in what has ended; its handle goes on with one of the calls still waiting, if there are any. */
static long finish_ended(CURLM *multi, long *waiting)
{
    long ended = 0;
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        char *client;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &client);
        read_booking((struct client *)client, code);
        curl_multi_remove_handle(multi, easy);
        if (*waiting > 0) {
            --*waiting;
            prepare_booking((struct client *)client);
            curl_multi_add_handle(multi, easy);
        } else {
            close_client(client);
        }
        ended++;
    }
    return ended;
}

static void run_multi(const char *url, long calls, long handles, long connections)
{
    CURLM *multi = curl_multi_init();
    long ended = 0, waiting = calls - handles;
    int running;
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
    for (long index = 0; index < handles; index++) {
        struct client *client = open_for(url, STARTED_TIMEOUT_MS);
        prepare_booking(client);
        if (curl_multi_add_handle(multi, client->easy))
            fail("curl_multi_add_handle");
    }
    while (ended < calls) {
        if (curl_multi_perform(multi, &running) || (running && curl_multi_poll(multi, NULL, 0, 1000, NULL)))
            fail("curl_multi_perform");
        ended += finish_ended(multi, &waiting);
    }
    curl_multi_cleanup(multi);
}

static void started(const char *url, long calls, long connections)
{
    run_multi(url, calls, calls, connections);
}

static void queued(const char *url, long calls, long connections)
{
    run_multi(url, calls, connections, connections);
}

int main(int count, char **arguments)
{
    static const struct peer peer = {open_client, close_client, schedule, availability, started, queued, 0};
    return serve(count, arguments, &peer);
}
