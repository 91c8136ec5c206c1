/*
 * A system that refuses threads and fork handlers, and two threads that open the first services at the same time. The
 * program stands in for two functions of the C library. On Windows, which has no forks, it stands in for CreateThread.
 *
 *     refused BASE_URL
 *
 * BASE_URL is a server that answers every booking with its number as the identifier.
 */
#include <errno.h>
#include <pthread.h>
#ifndef _WIN32
#include <signal.h>
#include <sys/wait.h>
#endif

#include "check.h"

static const char *CALLER = "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":20000,\"proxy\":\"none\"}";
static const char *THREAD = "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":20000,\"proxy\":\"none\",\"handlers\":\"thread\"}";
static const char *NAMED = "{\"dataURL\":\"http://localhost:1/x\",\"ajaxTimeout\":20000,\"proxy\":\"none\"}";
static const char *SCHEDULE = "CallbackService.schedule";
static const char *BOOKING = "{\"phonenumber\":\"1\"}";

static const char *base;

/* --- Threads ------------------------------------------------------------------------------------------------------ */

static int refuses_threads;

#ifdef _WIN32

static HANDLE WINAPI create_thread(SECURITY_ATTRIBUTES *attributes, SIZE_T stack, LPTHREAD_START_ROUTINE start,
                                   void *argument, DWORD flags, DWORD *number)
{
    if (refuses_threads) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    return CreateThread(attributes, stack, start, argument, flags, number);
}

/* Puts create_thread into the table of the functions that the library imports. */
static void stand_in(void)
{
    char *library = (char *)GetModuleHandleA("callbackservice.dll");
    IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(library + ((IMAGE_DOS_HEADER *)library)->e_lfanew);
    IMAGE_DATA_DIRECTORY *directory = &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    IMAGE_IMPORT_DESCRIPTOR *imported = (IMAGE_IMPORT_DESCRIPTOR *)(library + directory->VirtualAddress);
    int replaced = 0;

    for (; imported->Name != 0; imported++) {
        IMAGE_THUNK_DATA *name = (IMAGE_THUNK_DATA *)(library + imported->OriginalFirstThunk);
        IMAGE_THUNK_DATA *function = (IMAGE_THUNK_DATA *)(library + imported->FirstThunk);
        for (; name->u1.AddressOfData != 0; name++, function++) {
            DWORD protection;
            if (IMAGE_SNAP_BY_ORDINAL(name->u1.Ordinal) ||
                strcmp((char *)((IMAGE_IMPORT_BY_NAME *)(library + name->u1.AddressOfData))->Name, "CreateThread") != 0)
                continue;
            CHECK(VirtualProtect(function, sizeof *function, PAGE_READWRITE, &protection));
            function->u1.Function = (ULONG_PTR)create_thread;
            CHECK(VirtualProtect(function, sizeof *function, protection, &protection));
            replaced++;
        }
    }
    CHECK(replaced > 0);
}

#else

typedef int (*create_function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static int checks_masks;

/* While a thread is being created, the creating one still takes the signals that it may cause itself. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    static create_function real;

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (refuses_threads)
        return EAGAIN;
    if (checks_masks) {
        static const int SYNCHRONOUS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
        sigset_t mask;
        size_t i;
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        for (i = 0; i < sizeof SYNCHRONOUS / sizeof *SYNCHRONOUS; i++)
            CHECK(!sigismember(&mask, SYNCHRONOUS[i]));
        CHECK(sigismember(&mask, SIGTERM));
    }
    return real(thread, attributes, start, argument);
}

static pthread_key_t key;
static cbsvc_status late_status;

/* Runs when the thread has lost its thread-locals, so that the library needs a helper thread. */
static void call_late(void *service)
{
    char *outcome;

    refuses_threads = 1;
    late_status = cbsvc_schedule(service, BOOKING, &outcome);
    refuses_threads = 0;
    CHECK(strstr(outcome, "\"name\":\"INTERNAL\"") != NULL);
    CHECK(strstr(outcome, "may have been made") == NULL);
    cbsvc_string_free(outcome);
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
}

static void *end_late(void *service)
{
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
    CHECK(pthread_setspecific(key, service) == 0);
    return NULL;
}

static void threads_are_refused_late(cbsvc_service *service)
{
    pthread_t thread;

    CHECK(pthread_key_create(&key, call_late) == 0);
    CHECK(pthread_create(&thread, NULL, end_late, service) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(late_status == CBSVC_INTERNAL);
}

#endif

static void threads_are_refused(void)
{
    cbsvc_service *service = open_service(CALLER, base), *named = open_service(NAMED, ""), *other;
    char *outcome;

    refuses_threads = 1;
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, NULL, NULL, NULL, NULL) == CBSVC_INTERNAL);
    CHECK(cbsvc_schedule(named, BOOKING, &outcome) == CBSVC_DNS);
    CHECK(strstr(outcome, "thread") != NULL);
    cbsvc_string_free(outcome);
    refuses_threads = 0;
    other = open_service(THREAD, base);
    refuses_threads = 1;
    CHECK(cbsvc_start(other, SCHEDULE, BOOKING, NULL, NULL, NULL, NULL) == CBSVC_INTERNAL);
    refuses_threads = 0;
#ifndef _WIN32
    threads_are_refused_late(service);
    checks_masks = 1;
#endif
    CHECK(cbsvc_start(service, SCHEDULE, BOOKING, NULL, NULL, NULL, NULL) == CBSVC_OK);
    CHECK(cbsvc_dispatch(service, 20000) == CBSVC_OK);
    CHECK(cbsvc_start(other, SCHEDULE, BOOKING, NULL, NULL, NULL, NULL) == CBSVC_OK);
#ifndef _WIN32
    checks_masks = 0;
#endif
    CHECK(cbsvc_close(service, 20000) == CBSVC_OK);
    CHECK(cbsvc_close(other, 20000) == CBSVC_OK);
    CHECK(cbsvc_close(named, 20000) == CBSVC_OK);
}

#ifndef _WIN32

/* --- Fork handlers ------------------------------------------------------------------------------------------------ */

typedef int (*register_function)(void (*)(void), void (*)(void), void (*)(void), void *);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int refuses_fork_handlers, registrations, registered, second_is_open;

/* What pthread_atfork calls. The first registration is held up until the second thread has its service. */
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *object)
{
    register_function real;
    int result;

    if (refuses_fork_handlers)
        return ENOMEM;
    *(void **)&real = dlsym(RTLD_NEXT, "__register_atfork");
    pthread_mutex_lock(&mutex);
    if (registrations++ == 0) {
        pthread_cond_broadcast(&changed);
        while (!second_is_open)
            pthread_cond_wait(&changed, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    result = real(prepare, parent, child, object);
    __sync_fetch_and_add(&registered, 1);
    return result;
}

static void *open_first(void *unused)
{
    (void)unused;
    return open_service(CALLER, base);
}

static void fork_handlers_are_registered_before_init_returns(void)
{
    pthread_t first;
    cbsvc_service *second;
    void *service;

    CHECK(pthread_create(&first, NULL, open_first, NULL) == 0);
    pthread_mutex_lock(&mutex);
    while (registrations == 0)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    second = open_service(CALLER, base);
    CHECK(__sync_fetch_and_add(&registered, 0) == 1);
    pthread_mutex_lock(&mutex);
    second_is_open = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    CHECK(pthread_join(first, &service) == 0);
    CHECK(cbsvc_close(second, 0) == CBSVC_OK && cbsvc_close(service, 0) == CBSVC_OK);
    CHECK(registered == 2);
}

static void fork_handlers_are_refused(void)
{
    char config[256];
    cbsvc_service *service;
    char *error;

    refuses_fork_handlers = 1;
    snprintf(config, sizeof config, CALLER, base);
    CHECK(cbsvc_init(config, NULL, NULL, &service, &error) == CBSVC_INTERNAL && service == NULL);
    CHECK(strstr(error, "fork handlers") != NULL);
    cbsvc_string_free(error);
    refuses_fork_handlers = 0;
}

/* The handlers are registered twice now; they must work as if they were registered once. */
static void forks_count_once(void)
{
    cbsvc_service *service = open_service(CALLER, base);
    int status;
    pid_t child = fork();

    if (child == 0) {
        char *json;
        alarm(60);
        CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
        CHECK(cbsvc_diagnostics(&json) == CBSVC_OK && strstr(json, "\"forks\":1,") != NULL);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(cbsvc_schedule(service, BOOKING, NULL) == CBSVC_OK);
    CHECK(cbsvc_close(service, 0) == CBSVC_OK);
}

#endif

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    alarm(120);
    base = argv[1];
#ifdef _WIN32
    stand_in();
#else
    fork_handlers_are_refused();
    fork_handlers_are_registered_before_init_returns();
    forks_count_once();
#endif
    threads_are_refused();
    printf("%d checks passed\n", checks);
    return 0;
}
