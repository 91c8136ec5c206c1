/* The limit: a socket to which the same bytes are written, and from which the answer is read and not looked at. */
#include "harness.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int descriptor;
    char request[LONGEST_TEXT];
    size_t length;
};

static void *open_client(const char *url)
{
    static const char form[] = "firstname=Ann+Marie&subject=Order+17&_customer_number=%2B14151110000&"
                               "_desired_time=2030-12-01T10%3A00%3A00.000Z";
    struct client *client = calloc(1, sizeof *client);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, port = 0;
    char path[64] = "/";
    if (!client || sscanf(url, "http://127.0.0.1:%d%63s", &port, path) != 2)
        fail(url);
    address.sin_port = htons((uint16_t)port);
    client->descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client->descriptor, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    client->length = (size_t)snprintf(client->request, sizeof client->request,
        "POST %s HTTP/1.1\r\naccept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        "host: 127.0.0.1:%d\r\ncontent-length: %zu\r\n\r\n%s",
        path, port, sizeof form - 1, form);
    return client;
}

static void close_client(void *data)
{
    struct client *client = data;
    close(client->descriptor);
    free(client);
}

static void schedule(void *data)
{
    struct client *client = data;
    char answer[1024];
    if (send(client->descriptor, client->request, client->length, MSG_NOSIGNAL) != (ssize_t)client->length ||
        recv(client->descriptor, answer, sizeof answer, 0) <= 0)
        fail("the connection is gone");
}

int main(int count, char **arguments)
{
    static const struct peer peer = {open_client, close_client, schedule, NULL, NULL, NULL, 0};
    return serve(count, arguments, &peer);
}
