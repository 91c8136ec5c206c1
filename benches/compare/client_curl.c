/* The same work with libcurl and cJSON, as a careful C programmer writes it. */
#include "harness.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>

struct handle {
    CURL *easy;
    struct curl_slist *headers;
    char url[MAX_TEXT];
    char form[MAX_TEXT];
    char *body;
    size_t length, capacity;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        fail("curl_global_init");
}

static size_t append_body(char *data, size_t size, size_t count, void *user_data)
{
    struct handle *handle = user_data;
    size_t length = size * count;
    if (handle->length + length + 1 > handle->capacity) {
        handle->capacity = (handle->length + length + 1) * 2;
        handle->body = realloc(handle->body, handle->capacity);
        if (!handle->body)
            return 0;
    }
    memcpy(handle->body + handle->length, data, length);
    handle->length += length;
    handle->body[handle->length] = 0;
    return length;
}

static struct handle *open_handle(const char *url, long timeout_ms)
{
    struct handle *handle = calloc(1, sizeof *handle);
    const char *ca_certificates = getenv("SSL_CERT_FILE");
    pthread_once(&once, initialise);
    if (!handle || !(handle->easy = curl_easy_init()))
        fail("curl_easy_init");
    snprintf(handle->url, sizeof handle->url, "%s", url);
    handle->headers = curl_slist_append(NULL, "Accept: application/json");
    curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, handle->headers);
    curl_easy_setopt(handle->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(handle->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    /* HTTP/2 over TLS if the server offers it. */
    curl_easy_setopt(handle->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(handle->easy, CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA, handle);
    curl_easy_setopt(handle->easy, CURLOPT_PRIVATE, handle);
    if (ca_certificates)
        curl_easy_setopt(handle->easy, CURLOPT_CAINFO, ca_certificates);
    return handle;
}

static void *open_client(const char *url)
{
    return open_handle(url, BLOCKING_TIMEOUT_MS);
}

static void close_client(void *data)
{
    struct handle *handle = data;
    curl_easy_cleanup(handle->easy);
    curl_slist_free_all(handle->headers);
    free(handle->body);
    free(handle);
}

static void prepare_booking(struct handle *handle)
{
    size_t length = 0;
    for (size_t index = 0; index < FIELD_COUNT; index++) {
        char *value = curl_easy_escape(handle->easy, FIELDS[index][1], 0);
        length += (size_t)snprintf(handle->form + length, sizeof handle->form - length, "%s%s=%s", index ? "&" : "",
            FIELDS[index][0], value);
        curl_free(value);
    }
    handle->length = 0;
    curl_easy_setopt(handle->easy, CURLOPT_URL, handle->url);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, handle->form);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE, (long)length);
}

static cJSON *parse_response(struct handle *handle, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code || status != 200)
        fail(curl_easy_strerror(code));
    cJSON *json = cJSON_ParseWithLength(handle->body, handle->length);
    if (!cJSON_IsObject(json))
        fail("the response is not a JSON object");
    return json;
}

static void read_booking(struct handle *handle, CURLcode code)
{
    cJSON *json = parse_response(handle, code);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "_id");
    char *copy = cJSON_IsString(id) ? strdup(id->valuestring) : NULL;
    if (!copy)
        fail("no id");
    free(copy);
    cJSON_Delete(json);
}

static void schedule(void *data)
{
    struct handle *handle = data;
    prepare_booking(handle);
    read_booking(handle, curl_easy_perform(handle->easy));
}

static long availability(void *data)
{
    struct handle *handle = data;
    char url[MAX_TEXT * 2];
    long slots = 0, capacity = 0;
    char *start = curl_easy_escape(handle->easy, "2030-12-01T00:00:00.000Z", 0);
    snprintf(url, sizeof url, "%s/availability?start=%s&number-of-days=%d", handle->url, start, 400);
    curl_free(start);
    handle->length = 0;
    curl_easy_setopt(handle->easy, CURLOPT_URL, url);
    curl_easy_setopt(handle->easy, CURLOPT_HTTPGET, 1L);
    cJSON *json = parse_response(handle, curl_easy_perform(handle->easy)), *slot;
    const cJSON *data_member = cJSON_GetObjectItemCaseSensitive(json, "data");
    if (data_member) {
        cJSON_ArrayForEach(slot, cJSON_GetObjectItemCaseSensitive(data_member, "slots")) {
            const cJSON *time = cJSON_GetObjectItemCaseSensitive(slot, "utcTime");
            const cJSON *places = cJSON_GetObjectItemCaseSensitive(slot, "capacity");
            capacity += cJSON_IsString(time) && places ? places->valueint : 0;
            slots++;
        }
    } else {
        cJSON_ArrayForEach(slot, json) {
            capacity += slot->string[0] ? slot->valueint : 0;
            slots++;
        }
    }
    if (slots && !capacity)
        fail("no capacities");
    cJSON_Delete(json);
    return slots;
}

struct pool {
    CURLM *multi;
    /* Shares TLS sessions between the handles: further connections resume the first session. */
    CURLSH *share;
    char url[MAX_TEXT];
};

static void *open_pool(const char *url, long calls, long connections)
{
    struct pool *pool = calloc(1, sizeof *pool);
    (void)calls;
    pthread_once(&once, initialise);
    if (!pool || !(pool->multi = curl_multi_init()) || !(pool->share = curl_share_init()))
        fail("curl_multi_init");
    snprintf(pool->url, sizeof pool->url, "%s", url);
    curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, connections);
    return pool;
}

static void close_pool(void *data)
{
    struct pool *pool = data;
    curl_multi_cleanup(pool->multi);
    curl_share_cleanup(pool->share);
    free(pool);
}

/* Reads the completed transfers. Each handle takes the next waiting call, if there is one. */
static long finish_completed(CURLM *multi, long *waiting)
{
    long completed = 0;
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        char *handle;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &handle);
        read_booking((struct handle *)handle, code);
        curl_multi_remove_handle(multi, easy);
        if (*waiting > 0) {
            --*waiting;
            prepare_booking((struct handle *)handle);
            curl_multi_add_handle(multi, easy);
        } else {
            close_client(handle);
        }
        completed++;
    }
    return completed;
}

static void run_pool(void *data, long calls, long handles)
{
    struct pool *pool = data;
    long completed = 0, waiting = calls - handles;
    int running;
    for (long index = 0; index < handles; index++) {
        struct handle *handle = open_handle(pool->url, ASYNC_TIMEOUT_MS);
        if (!strncmp(pool->url, "https:", 6)) {
            curl_easy_setopt(handle->easy, CURLOPT_SHARE, pool->share);
            /* Waits for the first connection, and shares it if the server uses HTTP/2. */
            curl_easy_setopt(handle->easy, CURLOPT_PIPEWAIT, 1L);
        }
        prepare_booking(handle);
        if (curl_multi_add_handle(pool->multi, handle->easy))
            fail("curl_multi_add_handle");
    }
    while (completed < calls) {
        if (curl_multi_perform(pool->multi, &running) ||
            (running && curl_multi_poll(pool->multi, NULL, 0, 1000, NULL)))
            fail("curl_multi_perform");
        completed += finish_completed(pool->multi, &waiting);
    }
}

int main(int count, char **arguments)
{
    static const struct operations client = {
        .open = open_client,
        .close = close_client,
        .schedule = schedule,
        .availability = availability,
        .open_pool = open_pool,
        .close_pool = close_pool,
        .run_pool = run_pool,
    };
    return serve(count, arguments, &client);
}
