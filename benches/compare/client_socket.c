/* The lower bound: writes the same bytes to a socket, and reads the response without parsing it. */
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

struct handle {
    int descriptor;
    char request[MAX_TEXT];
    size_t length;
};

static void *open_client(const char *url)
{
    static const char form[] = "firstname=Ann+Marie&subject=Order+17&_customer_number=%2B14151110000&"
                               "_desired_time=2030-12-01T10%3A00%3A00.000Z";
    struct handle *handle = calloc(1, sizeof *handle);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, port = 0;
    char path[64] = "/";
    if (!handle || sscanf(url, "http://127.0.0.1:%d%63s", &port, path) != 2)
        fail(url);
    address.sin_port = htons((uint16_t)port);
    handle->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(handle->descriptor, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    setsockopt(handle->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    handle->length = (size_t)snprintf(handle->request, sizeof handle->request,
        "POST %s HTTP/1.1\r\naccept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        "host: 127.0.0.1:%d\r\ncontent-length: %zu\r\n\r\n%s",
        path, port, sizeof form - 1, form);
    return handle;
}

static void close_client(void *data)
{
    struct handle *handle = data;
    close(handle->descriptor);
    free(handle);
}

static void schedule(void *data)
{
    struct handle *handle = data;
    char response[1024];
    if (send(handle->descriptor, handle->request, handle->length, MSG_NOSIGNAL) != (ssize_t)handle->length ||
        recv(handle->descriptor, response, sizeof response, 0) <= 0)
        fail("the connection is closed");
}

int main(int count, char **arguments)
{
    static const struct operations client = {.open = open_client, .close = close_client, .schedule = schedule};
    return serve(count, arguments, &client);
}
