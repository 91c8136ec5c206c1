/*
 * libcallbackservice: books telephone callbacks with a contact center, and lists the slots that can be booked.
 *
 * In short
 *   - Texts are NUL-terminated UTF-8. A text in an out parameter belongs to the program: free it with
 *     cbsvc_string_free. A text that a handler gets is valid until the handler returns.
 *   - Every out parameter may be NULL if the program does not want it (only cbsvc_init must have somewhere to put the
 *     service, cbsvc_diagnostics its text); it is set to NULL or 0 first, and filled on failure too where there is
 *     something to say.
 *   - Every function may be called from any thread at any time, and again in a forked child.
 *   - The library prints nothing, installs no signal handler, raises no SIGPIPE, changes no environment.
 *
 * A callback is a telephone call. A C function that the library calls is a handler.
 *
 * This file is generated from the library's source.
 */

#ifndef CALLBACKSERVICE_H
#define CALLBACKSERVICE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this header, as cbsvc_version gives the library's: 0xMMmmpp. */
#define CBSVC_HEADER_VERSION 0x000100

/** Logs nothing. */
#define CBSVC_LOG_OFF 0
/** Logs what keeps commands from reaching the server or its answer from coming back. */
#define CBSVC_LOG_ERROR 1
/** Logs also what is probably a mistake, such as an unknown configuration key. */
#define CBSVC_LOG_WARNING 2
/** Logs also how each command ended. */
#define CBSVC_LOG_INFO 3
/** Logs also each step. */
#define CBSVC_LOG_DEBUG 4

/**
 * A service: one configuration with its subscriptions and connections.
 *
 * The value is a token, not an address. A closed, stale or invented one is recognised and answered with
 * CBSVC_BAD_HANDLE.
 */
typedef struct cbsvc_service cbsvc_service;

/**
 * The result of a call: CBSVC_OK, or the reason why not.
 *
 * The hundreds digit is the class: 1 a mistake of the caller, 2 the state of the service, 3 time and will,
 * 4 transport, 5 the server said no, 9 a fault of the library. Numbers never change once released; later versions
 * may add some, so treat an unknown number like its class.
 */
typedef int32_t cbsvc_status;

/**
 * A function of the program that is told of an event or of a log line.
 *
 * event is the name of the event or log level, data its JSON text (of a log line: plain text), user_data what
 * the program gave when it named the handler. Both texts are UTF-8 and belong to the library: they are valid until
 * the handler returns.
 *
 * With "handlers":"caller", the default, handlers run only inside functions that the program itself calls, on the
 * calling thread: a blocking command runs the handlers of its event before it returns. With "handlers":"thread" they
 * run on one thread of the service's own, one at a time. When several threads call, handlers run on each of them, possibly at
 * the same time. A handler may call any function of the library; only closing its own service is answered with
 * CBSVC_REENTRANT. It must return normally: leaving it by longjmp is undefined, and a C++ exception that leaves
 * it ends the program with a message.
 */
typedef void (*cbsvc_handler)(const char *event, const char *data, void *user_data);

/**
 * A function of the program that is told that user_data will not be used again.
 *
 * It runs exactly once for each time that it was given, after the last call of the handler.
 */
typedef void (*cbsvc_release)(void *user_data);

/** The call did what it was asked. */
#define CBSVC_OK 0

/** A pointer that must be given is NULL. */
#define CBSVC_NULL_ARGUMENT 101
/** The service is NULL, closed, or was never one. */
#define CBSVC_BAD_HANDLE 102
/** A text is not UTF-8. */
#define CBSVC_NOT_UTF8 103
/** A text is not JSON; the message tells the line and column. */
#define CBSVC_NOT_JSON 104
/** The configuration is wrong; the message names the key. */
#define CBSVC_CONFIG 105
/** There is no command of this name. */
#define CBSVC_UNKNOWN_COMMAND 106
/** The command came without data. */
#define CBSVC_NO_DATA 107
/** An option or argument is wrong; the message names it. */
#define CBSVC_BAD_OPTION 108
/** The service was closed while the call was running. */
#define CBSVC_CLOSED 201
/** A handler or a call tried to close the service that it belongs to. */
#define CBSVC_REENTRANT 202
/** The configuration of the service does not allow this function. */
#define CBSVC_WRONG_MODE 203
/** There is no room for more; nothing was lost. */
#define CBSVC_BUSY 204
/** The service has no such subscription or call. */
#define CBSVC_NO_SUCH 205
/** The time allowed has passed. */
#define CBSVC_TIMEOUT 301
/** The program cancelled the call. */
#define CBSVC_CANCELLED 302
/** The server's name cannot be looked up. */
#define CBSVC_DNS 401
/** No connection to the server. */
#define CBSVC_CONNECT 402
/** No encrypted connection; the message tells why. */
#define CBSVC_TLS 403
/** The proxy refuses or cannot be reached. */
#define CBSVC_PROXY 404
/** The answer is cut off, not HTTP, or not what the API answers. */
#define CBSVC_PROTOCOL 405
/** The answer is larger than maxResponseBytes. */
#define CBSVC_TOO_LARGE 406
/** The server refused the request; see serverCode and message. */
#define CBSVC_REJECTED 501
/** The time is taken or closed; the outcome may propose others. */
#define CBSVC_SLOT_UNAVAILABLE 502
/** The server wants an API key or credentials that it accepts. */
#define CBSVC_UNAUTHORIZED 503
/** Too many requests; see retryAfterMs. */
#define CBSVC_RATE_LIMITED 504
/** The server failed. */
#define CBSVC_SERVER_ERROR 505
/** The server does not know what was asked for. */
#define CBSVC_NOT_FOUND 506
/** The library failed; please report the message. */
#define CBSVC_PANIC 901
/** The library cannot work, for example for want of descriptors or threads. */
#define CBSVC_INTERNAL 902

/**
 * Opens a service.
 *
 * config is a JSON object with at least dataURL; a whole widgets configuration is accepted too. on_event, if
 * not NULL, is told of every event of the service, first of CallbackService.ready: before this function returns
 * (*service is set by then) or, with "handlers":"thread", on the handlers' thread. Nothing is sent to the server yet.
 * on_event and user_data must stay usable until cbsvc_close has returned CBSVC_OK; after its CBSVC_TIMEOUT, until
 * the handlers that ran at that moment have returned.
 *
 * On success *service is the new service, to be closed with cbsvc_close; on failure it is NULL. On failure
 * *error tells in words what is wrong and where; free it with cbsvc_string_free. error may be NULL.
 *
 * Any thread. Errors: CBSVC_NULL_ARGUMENT (config, service), CBSVC_NOT_UTF8, CBSVC_NOT_JSON,
 * CBSVC_CONFIG, CBSVC_BUSY (too many open services), CBSVC_INTERNAL (the system gives no thread), CBSVC_PANIC.
 * Since 0.1.
 */
cbsvc_status cbsvc_init(const char *config,
                        cbsvc_handler on_event,
                        void *user_data,
                        cbsvc_service **service,
                        char **error);

/**
 * Changes the configuration of a running service.
 *
 * config is a JSON object; its keys are put over the present ones, nothing is reset. It takes effect for commands
 * that begin afterwards. On failure nothing has changed and *error, which may be NULL, tells in words what is
 * wrong; free it with cbsvc_string_free.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT, CBSVC_BAD_HANDLE, CBSVC_NOT_UTF8,
 * CBSVC_NOT_JSON, CBSVC_CONFIG, CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_configure(cbsvc_service *service,
                             const char *config,
                             char **error);

/**
 * Closes a service and frees what it holds.
 *
 * Commands that other threads have running on it end with CBSVC_CLOSED; the function waits up to timeout_ms
 * milliseconds for these threads to leave (0 = do not wait, negative = wait without end). Every release of a
 * subscription has run when it returns CBSVC_OK, and no handler of the service runs after that. The service is
 * closed also when the wait was too short (CBSVC_TIMEOUT): then no further handler is called, and the last
 * releases run when those threads leave.
 *
 * Any thread, but not inside a handler of the same service. Errors: CBSVC_BAD_HANDLE (also when it is closed
 * already), CBSVC_REENTRANT, CBSVC_TIMEOUT, CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_close(cbsvc_service *service,
                         int32_t timeout_ms);

/**
 * Books a telephone callback, and waits for the server's answer.
 *
 * data is a JSON object with the options, such as phonenumber and desiredtime. The call ends within the
 * configured ajaxTimeout. Then the event CallbackService.scheduled or CallbackService.scheduleError is
 * published, with the outcome as data: on this thread, or with "handlers":"thread" on the handlers' thread.
 *
 * *outcome is a JSON object, on failure too; free it with cbsvc_string_free. outcome may be NULL.
 * A booking is never sent twice: where it is not known whether the server has booked, the message says so.
 *
 * Any thread, also inside a handler. Errors: any. Since 0.1.
 */
cbsvc_status cbsvc_schedule(cbsvc_service *service, const char *data, char **outcome);

/**
 * Lists the slots that can be booked, and waits for the server's answer.
 *
 * query is a JSON object with the options, such as startDate and numberOfDays. The call ends within the
 * configured ajaxTimeout. Then the event CallbackService.availableSlots or CallbackService.availabilityError
 * is published, with the outcome as data: on this thread, or with "handlers":"thread" on the handlers' thread.
 *
 * *outcome is a JSON object, on failure too; free it with cbsvc_string_free. outcome may be NULL.
 * The slots stand under slots, in ascending order and in the same form for both server APIs.
 *
 * Any thread, also inside a handler. Errors: any. Since 0.1.
 */
cbsvc_status cbsvc_availability(cbsvc_service *service,
                                const char *query,
                                char **outcome);

/**
 * Runs a command by its name on the widgets' bus: CallbackService.schedule, CallbackService.availability or
 * CallbackService.configure.
 *
 * data is the command's JSON object. The rest is as for cbsvc_schedule, cbsvc_availability and
 * cbsvc_configure, except that configuring gives an outcome too.
 *
 * Any thread, also inside a handler. Errors: any; an unknown name is CBSVC_UNKNOWN_COMMAND. Since 0.1.
 */
cbsvc_status cbsvc_command(cbsvc_service *service,
                           const char *name,
                           const char *data,
                           char **outcome);

/**
 * Starts a command and returns at once.
 *
 * name is CallbackService.schedule, CallbackService.availability or CallbackService.configure, data the
 * command's JSON object. The request goes out on one thread of the library, shared by all services; the deadline is
 * the configured ajaxTimeout, counted from now.
 *
 * CBSVC_OK says that the call has begun, not that its data is right or that the server has agreed: that is for
 * done, which is then called exactly once (unless cbsvc_close times out first), with the name of the event (of the
 * command where there is none) and the outcome, whose state is resolved, rejected (also when the data is wrong) or
 * cancelled (by cbsvc_cancel or cbsvc_close). Then the event's subscribers are told, except of a cancelled
 * call. Then release is called with user_data. done and release may be NULL. If this function fails, done is
 * never called, and release at once.
 *
 * With "handlers":"caller" all this happens inside cbsvc_dispatch or cbsvc_close, with "handlers":"thread" on
 * the handlers' thread, possibly before this function returns. *call is the number for cbsvc_cancel, never 0; it
 * is set before done can be called. call may be NULL.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (name), CBSVC_BAD_HANDLE, CBSVC_NOT_UTF8
 * (name), CBSVC_UNKNOWN_COMMAND, CBSVC_CLOSED, CBSVC_BUSY (queueLimit started calls have not been told yet),
 * CBSVC_INTERNAL (the system gives no thread), CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_start(cbsvc_service *service,
                         const char *name,
                         const char *data,
                         cbsvc_handler done,
                         void *user_data,
                         cbsvc_release release,
                         uint64_t *call);

/**
 * Cancels a started call.
 *
 * Its use of the network ends, and its done is told that it was cancelled, as cbsvc_start describes. A booking
 * may have reached the server by then.
 *
 * Any thread, also inside a handler. Errors: CBSVC_BAD_HANDLE, CBSVC_NO_SUCH (no such call, or it has ended),
 * CBSVC_CLOSED, CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_cancel(cbsvc_service *service,
                          uint64_t call);

/**
 * Runs the handlers of started calls that have ended, on this thread.
 *
 * If none has, waits for one up to timeout_ms milliseconds (0 = do not wait, negative = wait without end). What
 * handlers cause while they run is left for the next time. When several threads dispatch, each takes a part.
 *
 * Any thread, also inside a handler. Errors: CBSVC_TIMEOUT (there was nothing to run), CBSVC_BAD_HANDLE,
 * CBSVC_CLOSED (another thread closed the service meanwhile), CBSVC_WRONG_MODE ("handlers":"thread"),
 * CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_dispatch(cbsvc_service *service,
                            int32_t timeout_ms);

/**
 * Gives a descriptor that tells when there is something to dispatch.
 *
 * *waitable is a file descriptor that becomes readable when cbsvc_dispatch has something to run, and is not when it
 * has nothing: for
 * select, poll, epoll, and the loops built on them. It belongs to the service: do not read or close it, and take it
 * out of the loop before closing the service. A forked child asks for its own.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT, CBSVC_BAD_HANDLE, CBSVC_CLOSED,
 * CBSVC_WRONG_MODE ("handlers":"thread"), CBSVC_INTERNAL (the system gives no descriptor), CBSVC_PANIC.
 * Since 0.1.
 */
cbsvc_status cbsvc_waitable(cbsvc_service *service,
                            intptr_t *waitable);

/**
 * Tells a handler of an event.
 *
 * event is CallbackService.ready, .scheduled, .scheduleError, .availableSlots or .availabilityError
 * with the same beginning, or * for all of them. Handlers of one event run in the order of their subscription.
 * Since a service is ready from the start, a subscription to CallbackService.ready or * is told so at once: before
 * this function returns or, with "handlers":"thread", on the handlers' thread.
 *
 * release, if not NULL, is called with user_data exactly once: after the handler's last call when the
 * subscription ends, or at once when this function fails. *subscription is the number for cbsvc_unsubscribe,
 * never 0; it is set before the handler is first called. subscription may be NULL: closing the service ends the
 * subscription too.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (event, handler), CBSVC_BAD_HANDLE,
 * CBSVC_NOT_UTF8, CBSVC_BAD_OPTION (no event of this name), CBSVC_CLOSED, CBSVC_INTERNAL (the system gives no
 * thread), CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_subscribe(cbsvc_service *service,
                             const char *event,
                             cbsvc_handler handler,
                             void *user_data,
                             cbsvc_release release,
                             uint64_t *subscription);

/**
 * Ends a subscription.
 *
 * The handler is not called again, except that a call which is running on another thread finishes; its release
 * runs when none is running any more, usually before this function returns. A handler may end its own subscription.
 *
 * Any thread, also inside a handler. Errors: CBSVC_BAD_HANDLE, CBSVC_NO_SUCH, CBSVC_CLOSED,
 * CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_unsubscribe(cbsvc_service *service,
                               uint64_t subscription);

/**
 * Tells the state of the library in this process, for a person who looks for the cause of a problem.
 *
 * *json is a JSON object with version, process, threads and, for each open service, its server, API version and
 * counters. It holds no API key, phone number or user data. Free it with cbsvc_string_free.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT, CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_diagnostics(char **json);

/**
 * Sends the library's log lines to a handler; there is one for the whole process.
 *
 * level is one of CBSVC_LOG_OFF to CBSVC_LOG_DEBUG and includes the levels before it. The handler gets the
 * level's name (error, warning, info, debug) and one line of plain text, inside functions that the program
 * calls, on the calling thread; what the library's own threads have to tell waits for the next command or dispatch
 * (the last 1,000 lines). What the handler itself causes is not logged. Without this function the library writes
 * nothing anywhere. No line holds an API key, phone number or user data.
 *
 * NULL or CBSVC_LOG_OFF ends the log. Another thread may be inside the handler just then, and this function does
 * not wait for it: handler and user_data must stay usable as long as the process runs.
 *
 * Any thread, also inside a handler. Errors: CBSVC_BAD_OPTION (no such level), CBSVC_PANIC. Since 0.1.
 */
cbsvc_status cbsvc_set_log(int32_t level,
                           cbsvc_handler handler,
                           void *user_data);

/**
 * The name of a status, such as SLOT_UNAVAILABLE; OK for 0, UNKNOWN for a number that is none.
 *
 * The text is constant and must not be freed. Any thread, also inside a handler. Never fails. Since 0.1.
 */
const char *cbsvc_status_name(cbsvc_status status);

/**
 * Frees a text that the library gave. NULL is allowed.
 *
 * Any thread, also inside a handler. Since 0.1.
 */
void cbsvc_string_free(char *text);

/**
 * The version of the library as a number: 0xMMmmpp. Compare it with CBSVC_HEADER_VERSION.
 *
 * Any thread, also inside a handler. Never fails. Since 0.1.
 */
uint32_t cbsvc_version(void);

/**
 * The version of the library as text, such as 0.1.0. The text is constant and must not be freed.
 *
 * Any thread, also inside a handler. Never fails. Since 0.1.
 */
const char *cbsvc_version_text(void);

#ifdef __cplusplus
}
#endif

#endif /* CALLBACKSERVICE_H */
