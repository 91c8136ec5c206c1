/*
 * The server of the benchmarks. It has one thread and responses made in advance, so that it costs
 * the same for every client.
 *
 * The response to POST is a booking of the v1 API, to GET /v1/N/... a list of N slots of the v1
 * API, to GET /v3/N/... one of the v3 API. The server listens on a free port and prints its URL.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 4096, MAX_EVENTS = 256, MAX_REQUEST = 8192, MAX_LISTS = 8 };

struct response {
    char *bytes;
    size_t length;
};

struct connection {
    char request[MAX_REQUEST];
    size_t filled;
    const struct response *response;
    size_t sent;
};

static struct connection *connections[MAX_CONNECTIONS];
static struct response booking;
static struct {
    long slots;
    int is_v3;
    struct response response;
} lists[MAX_LISTS];
static int loop;

static void fail(const char *function)
{
    perror(function);
    exit(1);
}

static struct response make_response(const char *body, size_t length)
{
    struct response made;
    char head[160];
    int head_length = snprintf(head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", length);
    made.length = (size_t)head_length + length;
    made.bytes = malloc(made.length);
    if (!made.bytes)
        fail("malloc");
    memcpy(made.bytes, head, (size_t)head_length);
    memcpy(made.bytes + head_length, body, length);
    return made;
}

static struct response make_list(long slots, int is_v3)
{
    const time_t first = 1922342400;
    char *body = malloc((size_t)slots * 80 + 256), *end = body;
    if (!body)
        fail("malloc");
    end += sprintf(end, "%s",
        is_v3 ? "{\"status\":{\"code\":0,\"message\":\"Successful\",\"corrId\":\"5b0c0ad3-1d5f-4f43-9d7d-d1d5b1ae57a4\"},"
                "\"data\":{\"slots\":["
              : "{");
    for (long slot = 0; slot < slots; slot++) {
        time_t start = first + slot * 300;
        char time[32];
        struct tm parts;
        gmtime_r(&start, &parts);
        strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
        end += sprintf(end, is_v3 ? "%s{\"utcTime\":\"%s\",\"capacity\":%ld,\"total\":10}" : "%s\"%s\":%ld", slot ? "," : "", time,
            slot % 9 + 1);
    }
    end += sprintf(end, "%s", is_v3 ? "],\"durationMin\":5,\"timezone\":\"UTC\"}}" : "}");
    struct response made = make_response(body, (size_t)(end - body));
    free(body);
    return made;
}

static const struct response *find_list(long slots, int is_v3)
{
    for (int index = 0; index < MAX_LISTS; index++) {
        if (!lists[index].response.bytes) {
            lists[index].slots = slots;
            lists[index].is_v3 = is_v3;
            lists[index].response = make_list(slots, is_v3);
        }
        if (lists[index].slots == slots && lists[index].is_v3 == is_v3)
            return &lists[index].response;
    }
    return &booking;
}

static void close_connection(int descriptor)
{
    free(connections[descriptor]);
    connections[descriptor] = NULL;
    close(descriptor);
}

/* Removes a request from the buffer and chooses its response. Returns 0 if it is incomplete. */
static int take_request(struct connection *connection)
{
    connection->request[connection->filled] = 0;
    char *end = strstr(connection->request, "\r\n\r\n");
    if (!end)
        return 0;
    size_t length = (size_t)(end + 4 - connection->request);
    int is_post = connection->request[0] == 'P';
    if (is_post) {
        char *header = strcasestr(connection->request, "\r\ncontent-length:");
        length += header && header < end ? strtoul(header + 17, NULL, 10) : 0;
    }
    if (connection->filled < length)
        return 0;
    const char *v1 = is_post ? NULL : strstr(connection->request, "/v1/");
    const char *v3 = is_post ? NULL : strstr(connection->request, "/v3/");
    const char *path = v1 ? v1 : v3;
    connection->response = path ? find_list(strtol(path + 4, NULL, 10), v3 && !v1) : &booking;
    connection->sent = 0;
    connection->filled -= length;
    memmove(connection->request, connection->request + length, connection->filled);
    return 1;
}

/* Returns 1 if all is sent, 0 if the socket buffer is full, -1 if the connection is closed. */
static int send_rest(int descriptor, struct connection *connection)
{
    while (connection->sent < connection->response->length) {
        ssize_t written = send(descriptor, connection->response->bytes + connection->sent,
            connection->response->length - connection->sent, MSG_NOSIGNAL);
        if (written < 0)
            return errno == EAGAIN ? 0 : -1;
        connection->sent += (size_t)written;
    }
    connection->response = NULL;
    return 1;
}

static void watch(int descriptor, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(loop, operation, descriptor, &event))
        fail("epoll_ctl");
}

static void serve(int descriptor)
{
    struct connection *connection = connections[descriptor];
    int was_sending = connection->response != NULL;
    if (!was_sending) {
        ssize_t got = recv(descriptor, connection->request + connection->filled,
            MAX_REQUEST - 1 - connection->filled, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            close_connection(descriptor);
            return;
        }
        connection->filled += (size_t)got;
    }
    while (connection->response || take_request(connection)) {
        int state = send_rest(descriptor, connection);
        if (state < 0) {
            close_connection(descriptor);
            return;
        }
        if (state == 0)
            break;
    }
    if (was_sending != (connection->response != NULL))
        watch(descriptor, EPOLL_CTL_MOD, connection->response ? EPOLLOUT : EPOLLIN);
}

static void accept_connection(int listener)
{
    int yes = 1, descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (descriptor < 0)
        return;
    if (descriptor >= MAX_CONNECTIONS || !(connections[descriptor] = calloc(1, sizeof(struct connection)))) {
        close(descriptor);
        return;
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(descriptor, EPOLL_CTL_ADD, EPOLLIN);
}

static int listen_on_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024) ||
        getsockname(listener, (struct sockaddr *)&address, &size))
        fail("listen");
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void)
{
    static const char body[] = "{\"_id\":\"361-5b0c0ad3-1d5f-4f43-9d7d-d1d5b1ae57a4\",\"_expected_time\":"
                               "\"2030-12-01T10:00:00.000Z\",\"_status\":\"SCHEDULED\"}";
    struct epoll_event events[MAX_EVENTS];
    booking = make_response(body, sizeof body - 1);
    loop = epoll_create1(0);
    int listener = listen_on_free_port();
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int ready = epoll_wait(loop, events, MAX_EVENTS, -1);
        for (int index = 0; index < ready; index++) {
            if (events[index].data.fd == listener)
                accept_connection(listener);
            else if (connections[events[index].data.fd])
                serve(events[index].data.fd);
        }
    }
}
