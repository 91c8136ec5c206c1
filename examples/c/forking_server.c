/*
 * A server in the old style: one process for each client, all on the service that the parent opened.
 *
 *     forking_server DATA_URL CLIENTS
 *
 * It prints its port, takes so many clients, and ends. A client sends a telephone number and a newline, and gets a line
 * with the result.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callbackservice.h"

static int listen_somewhere(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return -1;
    printf("listening on port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* In the child: the inherited service is used as it is. */
static int serve(cbsvc_service *service, FILE *client)
{
    char line[64], number[64];
    char *data;
    cbsvc_status status;
    size_t i, length = 0;

    if (fgets(line, sizeof line, client) == NULL)
        return 1;
    for (i = 0; line[i] != '\0'; i++)
        if (strchr("+0123456789", line[i]) != NULL)
            number[length++] = line[i];
    number[length] = '\0';
    if (cbsvc_json_set(NULL, "/phonenumber", number, &data) != CBSVC_OK)
        return 1;
    status = cbsvc_schedule(service, data, NULL);
    cbsvc_string_free(data);
    fprintf(client, "%s\n", cbsvc_status_name(status));
    return fclose(client) == 0 && status == CBSVC_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    char *config, *error;
    cbsvc_service *service;
    int listener, clients, status, failed = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: forking_server DATA_URL CLIENTS\n");
        return 2;
    }
    if (cbsvc_json_set(NULL, "/dataURL", argv[1], &config) != CBSVC_OK)
        return 1;
    if (cbsvc_init(config, NULL, NULL, &service, &error) != CBSVC_OK) {
        fprintf(stderr, "%s\n", error);
        cbsvc_string_free(error);
        return 1;
    }
    cbsvc_string_free(config);
    listener = listen_somewhere();
    if (listener < 0)
        return 1;
    for (clients = 0; clients < atoi(argv[2]); clients++) {
        int client = accept(listener, NULL, NULL);
        pid_t child = fork();
        if (child == 0) {
            close(listener);
            _exit(serve(service, fdopen(client, "r+")));
        }
        close(client);
    }
    close(listener);
    while (wait(&status) > 0)
        failed += status != 0;
    cbsvc_close(service, 1000);
    printf("%d clients served, %d failed\n", clients, failed);
    return failed == 0 ? 0 : 1;
}
