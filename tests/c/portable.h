/*
 * What the C test programs need of the system and is different on Windows: sockets, loading a library, and what a process
 * uses. Threads are those of POSIX, which the compilers for Windows have too.
 */
#ifndef PORTABLE_H
#define PORTABLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32

#include <winsock2.h>
#include <windows.h>
#include <psapi.h>
#include <tlhelp32.h>

#define SHUT_WR SD_SEND
#define RTLD_NOW 0
#define RTLD_LOCAL 0

typedef SOCKET socket_type;
typedef int socklen_t;

/* The program that runs the tests limits their time. */
#define alarm(seconds) ((void)(seconds))
#define close_socket closesocket

static inline void begin_sockets(void)
{
    WSADATA data;

    WSAStartup(MAKEWORD(2, 2), &data);
}

/* Makes accept on another thread fail. */
static inline int end_accept(socket_type listener)
{
    return closesocket(listener);
}

static inline void *dlopen(const char *path, int flags)
{
    (void)flags;
    return (void *)LoadLibraryA(path);
}

static inline void *dlsym(void *library, const char *name)
{
    void *function = NULL;
    FARPROC found = GetProcAddress((HMODULE)library, name);

    memcpy(&function, &found, sizeof function);
    return function;
}

static inline int dlclose(void *library)
{
    return !FreeLibrary((HMODULE)library);
}

/* Threads, or VmRSS in KiB. */
static inline long status_of_process(const char *name)
{
    PROCESS_MEMORY_COUNTERS memory;
    THREADENTRY32 entry;
    HANDLE threads;
    long count = 0;
    BOOL is_there;

    if (strcmp(name, "VmRSS") == 0)
        return GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory) ? (long)(memory.WorkingSetSize / 1024) : -1;
    if (strcmp(name, "Threads") != 0)
        return -1;
    threads = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    if (threads == INVALID_HANDLE_VALUE)
        return -1;
    entry.dwSize = sizeof entry;
    for (is_there = Thread32First(threads, &entry); is_there; is_there = Thread32Next(threads, &entry))
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(threads);
    return count;
}

static inline long open_descriptors(void)
{
    DWORD count = 0;

    return GetProcessHandleCount(GetCurrentProcess(), &count) ? (long)count : -1;
}

/* The processor time that this process has used, in milliseconds. */
static inline long used_milliseconds(void)
{
    FILETIME created, ended, kernel, user;

    if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user))
        return -1;
    return (long)((((ULONGLONG)kernel.dwHighDateTime << 32 | kernel.dwLowDateTime) +
                   ((ULONGLONG)user.dwHighDateTime << 32 | user.dwLowDateTime)) / 10000);
}

#else

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef int socket_type;

#define INVALID_SOCKET (-1)
#define close_socket close

static inline void begin_sockets(void)
{
}

static inline int end_accept(socket_type listener)
{
    return shutdown(listener, SHUT_RDWR);
}

/* A number from /proc/self/status, such as Threads or VmRSS (in KiB). */
static inline long status_of_process(const char *name)
{
    char line[256];
    long number = -1;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && number < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            number = atol(line + strlen(name) + 1);
    if (file != NULL)
        fclose(file);
    return number;
}

static inline long open_descriptors(void)
{
    long count = 0;
    DIR *directory = opendir("/proc/self/fd");

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count;
}

/* The processor time that this process has used, in milliseconds. */
static inline long used_milliseconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

#endif

/* A socket that listens on a port of the loopback interface, which is put into the address. */
static inline socket_type listening_socket(struct sockaddr_in *address, int backlog)
{
    socklen_t length = sizeof *address;
    socket_type listener;

    begin_sockets();
    listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener == INVALID_SOCKET || bind(listener, (struct sockaddr *)address, sizeof *address) != 0 ||
        listen(listener, backlog) != 0 || getsockname(listener, (struct sockaddr *)address, &length) != 0) {
        fprintf(stderr, "there is no socket to be had\n");
        exit(1);
    }
    return listener;
}

#endif
