/*
 * libcallbackservice: books telephone callbacks with a contact center and lists the slots that can be booked.
 *
 * Conventions
 *   - Strings are NUL-terminated UTF-8. A string in an out parameter belongs to the application: free it with
 *     cbsvc_string_free. A string that a handler receives is valid until the handler returns.
 *   - An out parameter may be NULL if the application does not need it, except service of cbsvc_init, waitable of
 *     cbsvc_waitable and json of cbsvc_diagnostics. It is first set to NULL or 0 (waitable: to -1), and filled on
 *     failure too if there is something to report.
 *   - Every function may be called from any thread, and again in a forked child. No function may be called in a
 *     signal handler.
 *   - Signals do not end a wait inside a function: the application's signal handlers run, and the wait goes on until
 *     its timeout. To wait for signals too, see the example of cbsvc_waitable.
 *   - A thread cannot be cancelled inside a function: pthread_cancel takes effect after the function has returned.
 *   - The library prints nothing, installs no signal handler, raises no SIGPIPE, opens no descriptor below 3, and
 *     changes neither errno nor the environment. Its threads block the signals of the application,
 *     except while a handler runs on one.
 *   - On Windows, strings, file names among them, are UTF-8 too, functions and handlers are __cdecl (CBSVC_CALL), and
 *     what GetLastError returns is not changed. What is said of signals, forks and thread cancellation is for other
 *     systems.
 *
 * A callback is a telephone call. A C function that the library calls is a handler.
 *
 * This file is generated from the source of the library.
 */

#ifndef CALLBACKSERVICE_H
#define CALLBACKSERVICE_H

#include <stdint.h>

/* The calling convention of functions and handlers. */
#ifdef _WIN32
# define CBSVC_CALL __cdecl
#else
# define CBSVC_CALL
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this header, in the form of cbsvc_version: 0xMMmmpp. */
#define CBSVC_HEADER_VERSION 0x000100

/** Logging off. */
#define CBSVC_LOG_OFF 0
/** Logs transport failures. */
#define CBSVC_LOG_ERROR 1
/** Also logs likely mistakes, such as an unknown configuration key. */
#define CBSVC_LOG_WARNING 2
/** Also logs the result of each command. */
#define CBSVC_LOG_INFO 3
/** Also logs each step. */
#define CBSVC_LOG_DEBUG 4

/**
 * An open service: one configuration with its subscriptions and connections.
 *
 * The value is an opaque handle, not an address: never dereference it. It is below 2^53, so that a
 * double can hold it. Functions detect a closed, stale or forged handle and return
 * CBSVC_BAD_HANDLE, within the limits of its bits.
 *
 * With pointers of 64 bits, a process can have 1,048,576 services open. A closed handle is
 * detected until 4,294,967,294 more services have been opened. NULL, even numbers (the addresses
 * of most objects) and numbers outside 2,097,153 to 2^53 are never handles. Of the others, about
 * 2^52, each open service has one.
 *
 * With pointers of 32 bits, a process can have 1,024 services open. A closed handle is detected
 * until 2,097,150 more services have been opened. NULL, even numbers and those from -2,048 to
 * 2,048 are never handles. Of the others, about 2^31, each open service has one.
 */
typedef struct cbsvc_service cbsvc_service;

/**
 * The result of a function: CBSVC_OK, or the reason for the failure.
 *
 * The hundreds digit gives the class: 1xx invalid argument, 2xx wrong state of the service, 3xx
 * timed out or cancelled, 4xx network error, 5xx rejected by the server, 9xx internal error. The
 * numbers are not HTTP statuses. A released number never changes. Later versions may add numbers:
 * treat an unknown one like its class. Statuses above 255 do not fit the exit status of a process:
 * exit with the class.
 */
typedef int32_t cbsvc_status;

/**
 * Handler for events, completions and log lines.
 *
 * event is the name of the event or the log level, data its JSON (of a log line: plain text).
 * Both strings are valid until the handler returns. user_data is what the application passed
 * with the handler. The library only passes it back and never dereferences it: it may be NULL, or
 * a number converted to a pointer.
 *
 * With "handlers":"caller", the default, handlers run only inside functions that the application
 * calls, on the calling thread: a blocking command runs the handlers of its event before it
 * returns. If several threads call, their handlers may run at the same time. With
 * "handlers":"thread", handlers run one at a time on a dedicated thread of the service, with the
 * signal mask of the thread that called cbsvc_init. Interpreters such as Perl, PHP, Lua, Tcl and
 * COBOL do not know this thread, and crash: use "poll" there. With "handlers":"poll", only the
 * log handler runs, and cbsvc_next_event returns events and completions.
 *
 * A handler may call every function; only closing its own service returns CBSVC_REENTRANT. It
 * may fork: handlers that follow are called in the parent only. Its thread cannot be cancelled
 * (pthread_cancel) while it runs. It must return: pthread_exit, or a C++ exception that leaves
 * it, ends the process with a message. longjmp out of it abandons the call that runs it and
 * leaks the memory of this call; the function that called setjmp can still close the service.
 */
typedef void (CBSVC_CALL *cbsvc_handler)(const char *event, const char *data, void *user_data);

/**
 * Destructor for user_data.
 *
 * It is called exactly once for each time it is passed, after the last call of the handler, on any
 * thread on which a handler may run.
 */
typedef void (CBSVC_CALL *cbsvc_release)(void *user_data);

/** Success. */
#define CBSVC_OK 0

/** A required pointer is NULL. */
#define CBSVC_NULL_ARGUMENT 101
/** The service is NULL, closed or was never opened. */
#define CBSVC_BAD_HANDLE 102
/** A string is not UTF-8. */
#define CBSVC_NOT_UTF8 103
/** A string is not JSON; the message gives line and column. */
#define CBSVC_NOT_JSON 104
/** The configuration is invalid; the message names the key. */
#define CBSVC_CONFIG 105
/** There is no command of this name. */
#define CBSVC_UNKNOWN_COMMAND 106
/** The command has no data. */
#define CBSVC_NO_DATA 107
/** An option or argument is invalid; the message names it. */
#define CBSVC_BAD_OPTION 108
/** The configured API does not offer the command; nothing was sent. */
#define CBSVC_UNSUPPORTED 109
/** The buffer is too small for the value. */
#define CBSVC_BUFFER_TOO_SMALL 110
/** The service was closed during the call. */
#define CBSVC_CLOSED 201
/** A handler or call tried to close its own service. */
#define CBSVC_REENTRANT 202
/** The configuration of the service does not allow this function. */
#define CBSVC_WRONG_MODE 203
/** Too many open services or pending calls; nothing was lost. */
#define CBSVC_BUSY 204
/** The service has no subscription or call with this id, or the text no value at this pointer. */
#define CBSVC_NO_SUCH 205
/** The timeout expired. */
#define CBSVC_TIMEOUT 301
/** The application cancelled the call. */
#define CBSVC_CANCELLED 302
/** An entry of the outbox could not be delivered in time. */
#define CBSVC_EXPIRED 303
/** The host name of the server cannot be resolved. */
#define CBSVC_DNS 401
/** Connecting to the server failed. */
#define CBSVC_CONNECT 402
/** The TLS handshake failed; the message gives the reason. */
#define CBSVC_TLS 403
/** The proxy is unreachable or refused the connection. */
#define CBSVC_PROXY 404
/** The response is incomplete, not HTTP or not one of the API. */
#define CBSVC_PROTOCOL 405
/** The response is larger than maxResponseBytes. */
#define CBSVC_TOO_LARGE 406
/** The server rejected the request; see serverCode and message. */
#define CBSVC_REJECTED 501
/** The desired time is full or closed; the outcome may propose others. */
#define CBSVC_SLOT_UNAVAILABLE 502
/** The API key or the credentials are missing or invalid. */
#define CBSVC_UNAUTHORIZED 503
/** Too many requests; see retryAfterMs. */
#define CBSVC_RATE_LIMITED 504
/** The server failed. */
#define CBSVC_SERVER_ERROR 505
/** The server does not know the service or path. */
#define CBSVC_NOT_FOUND 506
/** A bug in the library; please report the message. */
#define CBSVC_PANIC 901
/** Internal error, for example out of file descriptors or threads. */
#define CBSVC_INTERNAL 902
/** The file of the outbox cannot be opened, read or written; the message says why. */
#define CBSVC_STORAGE 903

/**
 * Opens a service.
 *
 * config is a JSON object with at least dataURL; a complete widgets configuration is accepted
 * too. on_event, if not NULL, receives every event of the service, first
 * CallbackService.ready: before this function returns (*service is already set), or with
 * "handlers":"thread" on the handlers' thread. With "handlers":"poll" it must be NULL, and
 * cbsvc_next_event returns the events. Nothing is sent to the server yet.
 *
 * on_event and user_data must stay valid until cbsvc_close has returned CBSVC_OK. If it
 * returns CBSVC_TIMEOUT, a handler may still run; to learn when user_data can be freed, pass
 * NULL here and use cbsvc_subscribe with a release. A language that copies *service into a
 * variable of its own after this function does so too: a subscription misses no
 * CallbackService.ready.
 *
 * On success, *service is the new service; close it with cbsvc_close. On failure, it is NULL,
 * and *error is a message that names the key or position; free it with cbsvc_string_free.
 * error may be NULL. The proxy variables of the environment are read unless proxy is set to
 * something other than env: no other thread may change the environment meanwhile.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (config, service),
 * CBSVC_NOT_UTF8, CBSVC_NOT_JSON, CBSVC_CONFIG, CBSVC_WRONG_MODE (on_event with
 * "handlers":"poll"), CBSVC_BUSY (too many open services),
 * CBSVC_INTERNAL (out of threads or memory), CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     cbsvc_service *service;
 *     char *error;
 *     if (cbsvc_init("{\"dataURL\":\"https://gms.example.com/genesys/1/service/callback/samples\"}",
 *                    on_event, NULL, &service, &error) != CBSVC_OK) {
 *         fprintf(stderr, "%s\n", error);
 *         cbsvc_string_free(error);
 *         return;
 *     }
 *     cbsvc_close(service, 5000);
 */
cbsvc_status CBSVC_CALL cbsvc_init(const char *config,
                                   cbsvc_handler on_event,
                                   void *user_data,
                                   cbsvc_service **service,
                                   char **error);

/**
 * Changes the configuration of an open service.
 *
 * config is a JSON object that is merged into the present configuration (RFC 7396). It takes
 * effect for commands that begin afterwards. On failure nothing changes, and *error, which may
 * be NULL, is a message; free it with cbsvc_string_free.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT, CBSVC_BAD_HANDLE,
 * CBSVC_NOT_UTF8, CBSVC_NOT_JSON, CBSVC_CONFIG, CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     char *error;
 *     if (cbsvc_configure(service, "{\"ajaxTimeout\":5000}", &error) != CBSVC_OK) {
 *         fprintf(stderr, "%s\n", error);
 *         cbsvc_string_free(error);
 *     }
 */
cbsvc_status CBSVC_CALL cbsvc_configure(cbsvc_service *service, const char *config, char **error);

/**
 * Closes a service and frees what it holds.
 *
 * Blocking commands on other threads end with CBSVC_CLOSED, asynchronous calls are cancelled,
 * and the handlers of completions that have not been dispatched run. The function waits up to
 * timeout_ms milliseconds for other threads to leave the service (0 = do not wait, negative = no
 * limit). When it returns CBSVC_OK, no handler of the service runs any more and every release
 * has run. CBSVC_TIMEOUT: the service is closed, but another thread is still inside a handler or
 * a call; no further handler is called, and the last releases run when that thread leaves.
 *
 * With "handlers":"poll", the outcome of an asynchronous call is not lost by closing: while the
 * program has not taken all completions, cancelled ones included, the function returns
 * CBSVC_BUSY and leaves the service open for cbsvc_next_event only. Take them until that
 * returns CBSVC_CLOSED, then close again. Events of blocking commands are discarded.
 *
 * Any thread, but not inside a handler of the same service. Errors: CBSVC_BAD_HANDLE (also if it
 * is already closed), CBSVC_REENTRANT, CBSVC_TIMEOUT, CBSVC_BUSY ("handlers":"poll"),
 * CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     if (cbsvc_close(service, 5000) == CBSVC_TIMEOUT)
 *         fprintf(stderr, "a handler is still running\n");
 */
cbsvc_status CBSVC_CALL cbsvc_close(cbsvc_service *service, int32_t timeout_ms);

/**
 * Books a telephone callback and waits for the server's response.
 *
 * data is a JSON object with the options, such as phonenumber and desiredtime. The call ends
 * within its timeoutMs, or the configured ajaxTimeout; signals do not end it earlier. Then the
 * event CallbackService.scheduled or CallbackService.scheduleError is published with the
 * outcome as data: on this thread, with "handlers":"thread" on the handlers' thread, or with
 * "handlers":"poll" by cbsvc_next_event.
 *
 * *outcome is a JSON object, also on failure; free it with cbsvc_string_free. outcome may be
 * NULL. A booking is never sent twice: if it is not known whether the server has booked, the
 * message says so.
 *
 * Any thread, also inside a handler. Errors: any. Since 0.1.
 *
 * Example:
 *     char *outcome;
 *     cbsvc_status status = cbsvc_schedule(service,
 *         "{\"phonenumber\":\"+14151110000\",\"desiredtime\":\"2030-12-01T10:00:00Z\"}", &outcome);
 *     printf("%s: %s\n", cbsvc_status_name(status), outcome);
 *     cbsvc_string_free(outcome);
 */
cbsvc_status CBSVC_CALL cbsvc_schedule(cbsvc_service *service, const char *data, char **outcome);

/**
 * Lists the slots that can be booked and waits for the server's response.
 *
 * query is a JSON object with the options, such as startDate and numberOfDays. The call ends
 * within its timeoutMs, or the configured ajaxTimeout; signals do not end it earlier. Then the
 * event CallbackService.availableSlots or CallbackService.availabilityError is published with
 * the outcome as data: on this thread, with "handlers":"thread" on the handlers' thread, or with
 * "handlers":"poll" by cbsvc_next_event.
 *
 * *outcome is a JSON object, also on failure; free it with cbsvc_string_free. outcome may be
 * NULL. Its member slots lists the slots in ascending order, in the same form for both server
 * APIs.
 *
 * Any thread, also inside a handler. Errors: any. Since 0.1.
 *
 * Example:
 *     char *outcome;
 *     if (cbsvc_availability(service, "{\"numberOfDays\":5}", &outcome) == CBSVC_OK)
 *         puts(outcome);
 *     cbsvc_string_free(outcome);
 */
cbsvc_status CBSVC_CALL cbsvc_availability(cbsvc_service *service, const char *query, char **outcome);

/**
 * Runs a command by its name and waits for the server's response.
 *
 * name is one of these; blanks at its end do not count. data is the JSON object of the
 * command. docs/behaviour.md lists all options. Every command but configure takes timeoutMs,
 * its deadline instead of the configured one. Commands that contact the server themselves (all but
 * configure, submit, deliver and outbox) also take headers, such as {"traceparent":"00-..."}.
 *
 * CallbackService.schedule           {"phonenumber":"+14151110000"}
 * CallbackService.availability       {"numberOfDays":5}
 * CallbackService.cancel             {"id":"369-8f9f"}
 * CallbackService.reschedule         {"id":"369-8f9f","desiredtime":"2030-12-01T10:00:00Z"}
 * CallbackService.retrieve           {"id":"369-8f9f"}
 * CallbackService.query              {"phonenumber":"+14151110000","state":"!COMPLETED"}
 * CallbackService.queuePosition      {"id":"369-8f9f"}
 * CallbackService.estimatedWaitTime  {"virtualQueues":["sales","support"]}
 * CallbackService.queueStatus        {"queueName":"sales"}
 * CallbackService.openFor            {"timezone":"Europe/Berlin"}
 * CallbackService.callIn             {"groupName":"sales"}
 * CallbackService.submit             {"phonenumber":"+14151110000","key":"order-5"}
 * CallbackService.deliver            {"timeoutMs":30000}
 * CallbackService.outbox             {"delivery":"unknown"}
 * CallbackService.configure          {"ajaxTimeout":5000}
 *
 * Outcomes of commands that resolve, without the members command, state, httpStatus and
 * response, which all have:
 *
 * schedule           {"id":"369-8f9f"}
 * availability       {"slots":[{"utcTime":"2030-12-01T10:00:00.000Z","capacity":3}]}
 * cancel             {"callback":{"id":"369-8f9f"}}
 * reschedule         {"callback":{"id":"369-8f9f","desiredTime":"2030-12-01T10:00:00.000Z"}}
 * retrieve           {"callback":{"id":"369-8f9f","state":"QUEUED","positionInQueue":2}}
 * query              {"callbacks":[{"id":"369-8f9f","state":"SCHEDULED"}]}
 * queuePosition      {"callback":{"id":"369-8f9f","positionInQueue":2,"estimatedWaitTime":90}}
 * estimatedWaitTime  {"waitTimes":[{"virtualQueue":"sales","estimatedWaitTime":90}]}
 * queueStatus        {"queue":{"estimatedWaitTime":90,"offerImmediateCallback":true}}
 * openFor            {"openForSeconds":3600}
 * callIn             {"callIn":{"id":"7d1c","toPhoneNumber":"+14150000000"}}
 * submit             {"entry":"6f1c...","key":"order-5","delivery":"waiting"}
 * deliver            {"delivered":3,"refused":0,"unknown":0,"expired":0,"waiting":0}
 * outbox             {"entries":[{"entry":"6f1c...","delivery":"delivered","id":"369-8f9f"}]}
 *
 * A command that is rejected has the member error instead. The event follows as described at
 * cbsvc_schedule; CallbackService.configure has none. Commands that only read are repeated
 * within the deadline. cancel, reschedule and callIn are, like schedule, never sent twice:
 * if it is not known whether the server has acted, the message says so. submit, deliver and
 * outbox need outbox in the configuration: submit stores a booking on disk, to be delivered
 * later, and sends nothing itself; see docs/outbox.md.
 *
 * Any thread, also inside a handler. Errors: any; CBSVC_UNKNOWN_COMMAND for an unknown name,
 * CBSVC_UNSUPPORTED for a command that the configured API does not offer, CBSVC_STORAGE if the
 * file of the outbox cannot be used. Since 0.1.
 *
 * Example:
 *     char *outcome;
 *     cbsvc_command(service, "CallbackService.cancel", "{\"id\":\"369-8f9f\"}", &outcome);
 *     puts(outcome);
 *     cbsvc_string_free(outcome);
 */
cbsvc_status CBSVC_CALL cbsvc_command(cbsvc_service *service,
                                      const char *name,
                                      const char *data,
                                      char **outcome);

/**
 * Starts an asynchronous call and returns without waiting for the network.
 *
 * name is the name of any command, see cbsvc_command, and data its JSON object. The request
 * is sent by one thread of the library, which all services share. The deadline is the option
 * timeoutMs, or the configured ajaxTimeout, counted from now.
 *
 * CBSVC_OK means that the call has started, not that its data is valid or that the server
 * agrees. done receives the result: it is called exactly once (unless cbsvc_close times out
 * first) with the name of the event (if there is none, of the command) and the outcome. The
 * outcome's state is resolved, rejected (also if the data is invalid) or cancelled (by
 * cbsvc_cancel or cbsvc_close). Then the subscribers of the event are notified, except for a
 * cancelled call. Then release is called with user_data. done and release may be NULL. If
 * this function fails, done is not called, and release is called before it returns.
 *
 * With "handlers":"caller", all this happens inside cbsvc_dispatch or cbsvc_close; with
 * "handlers":"thread", on the handlers' thread, possibly before this function returns. With
 * "handlers":"poll", done and release must be NULL, and cbsvc_next_event returns the
 * result. *call is the id for cbsvc_cancel and cbsvc_next_event, never 0 and below 2^53. It
 * is set before done can be called. call may be NULL.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (name), CBSVC_BAD_HANDLE,
 * CBSVC_NOT_UTF8 (name), CBSVC_UNKNOWN_COMMAND, CBSVC_CLOSED, CBSVC_WRONG_MODE (done
 * or release with "handlers":"poll"), CBSVC_BUSY (queueLimit calls are running, or
 * complete and not dispatched or taken), CBSVC_INTERNAL (out of threads or descriptors),
 * CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     uint64_t call;
 *     if (cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}",
 *                     done, NULL, NULL, &call) == CBSVC_OK)
 *         while (cbsvc_dispatch(service, 1000) == CBSVC_TIMEOUT)
 *             puts("waiting");
 */
cbsvc_status CBSVC_CALL cbsvc_start(cbsvc_service *service,
                                    const char *name,
                                    const char *data,
                                    cbsvc_handler done,
                                    void *user_data,
                                    cbsvc_release release,
                                    uint64_t *call);

/**
 * Cancels an asynchronous call. To cancel a booked callback, see the command
 * CallbackService.cancel.
 *
 * The call stops using the network, and completes with the state cancelled, as cbsvc_start
 * describes. A booking may have reached the server by then.
 *
 * Any thread, also inside a handler. Errors: CBSVC_BAD_HANDLE, CBSVC_NO_SUCH (no such call, or
 * it is complete), CBSVC_CLOSED, CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     uint64_t call;
 *     cbsvc_start(service, "CallbackService.availability", "{\"numberOfDays\":5}", done, NULL, NULL,
 *                 &call);
 *     if (cbsvc_cancel(service, call) == CBSVC_NO_SUCH)
 *         puts("already complete");
 */
cbsvc_status CBSVC_CALL cbsvc_cancel(cbsvc_service *service, uint64_t call);

/**
 * Runs the handlers of completed asynchronous calls on the calling thread.
 *
 * If there is none, waits up to timeout_ms milliseconds for the first (0 = do not wait, negative
 * = no limit). Signals do not end the wait: to wait for a signal too, use ppoll as in the
 * example of cbsvc_waitable. Completions that handlers cause are left for the next dispatch.
 * Several threads may dispatch at the same time.
 *
 * Any thread, also inside a handler. Errors: CBSVC_TIMEOUT (there was nothing to run),
 * CBSVC_BAD_HANDLE, CBSVC_CLOSED (another thread closed the service), CBSVC_WRONG_MODE
 * ("handlers":"thread", or "handlers":"poll", where cbsvc_next_event takes its place),
 * CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}", done,
 *                 NULL, NULL, NULL);
 *     while (cbsvc_dispatch(service, -1) == CBSVC_OK)
 *         puts("dispatched");
 */
cbsvc_status CBSVC_CALL cbsvc_dispatch(cbsvc_service *service, int32_t timeout_ms);

/**
 * Takes the next event or completion of a service with "handlers":"poll".
 *
 * Such a service calls no handler: it queues CallbackService.ready, the events of blocking
 * commands, and the completions of asynchronous calls, each once. If the queue is empty, waits up
 * to timeout_ms milliseconds for the first (0 = do not wait, negative = no limit). Signals do
 * not end the wait: to wait for a signal too, use ppoll as in the example of cbsvc_waitable.
 * Several threads may wait at the same time.
 *
 * *call is the id of the asynchronous call that is complete, or 0 for an event of a blocking
 * command and for CallbackService.ready. *event is the name of the event, or of the command
 * for a completion without an event (a cancelled call, or CallbackService.configure). *data is
 * the JSON of the event, which is the outcome. Free both with cbsvc_string_free. Each parameter
 * may be NULL if its value is not needed: the event is taken all the same. Without an event,
 * *call is 0, and *event and *data are NULL.
 *
 * A completion stays in the queue until it is taken. Of the events of blocking commands, whose
 * outcome the command itself has returned, the newest are kept: up to queueLimit, and 16 MiB. A
 * program that does not want these events starts every command with cbsvc_start.
 *
 * Any thread, also inside a log handler. Errors: CBSVC_TIMEOUT (there was none),
 * CBSVC_BAD_HANDLE, CBSVC_CLOSED (the service was closed, or cbsvc_close has returned
 * CBSVC_BUSY and the last completion has been taken), CBSVC_WRONG_MODE (needs
 * "handlers":"poll"), CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     uint64_t call, done;
 *     char *event, *data;
 *     if (cbsvc_start(service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}",
 *                     NULL, NULL, NULL, &call) != CBSVC_OK)
 *         return;
 *     while (cbsvc_next_event(service, -1, &done, &event, &data) == CBSVC_OK) {
 *         printf("%s %s\n", event, data);
 *         cbsvc_string_free(event);
 *         cbsvc_string_free(data);
 *         if (done == call)
 *             break;
 *     }
 */
cbsvc_status CBSVC_CALL cbsvc_next_event(cbsvc_service *service,
                                         int32_t timeout_ms,
                                         uint64_t *call,
                                         char **event,
                                         char **data);

/**
 * Returns a file descriptor that is readable while cbsvc_dispatch or cbsvc_next_event has
 * work; on Windows, the handle of an event that is signalled while one of them has.
 *
 * Use the descriptor with select, poll or epoll, and the handle, converted to HANDLE, with
 * WaitForMultipleObjects or MsgWaitForMultipleObjects. waitable must not be NULL. The
 * service owns both: do not read from a descriptor, do not set or reset an event, close neither,
 * and remove it from the loop before cbsvc_close. A forked child must ask for its own.
 * *waitable is -1 on failure.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT, CBSVC_BAD_HANDLE,
 * CBSVC_CLOSED, CBSVC_WRONG_MODE ("handlers":"thread"), CBSVC_INTERNAL (out of
 * descriptors or handles), CBSVC_PANIC. Since 0.1.
 *
 * The example stops waiting on SIGINT, which is blocked elsewhere and whose handler sets
 * interrupted.
 *
 * Example:
 *     intptr_t waitable;
 *     struct pollfd ready;
 *     sigset_t open;
 *     if (cbsvc_waitable(service, &waitable) != CBSVC_OK)
 *         return;
 *     ready.fd = (int)waitable;
 *     ready.events = POLLIN;
 *     pthread_sigmask(SIG_SETMASK, NULL, &open);
 *     sigdelset(&open, SIGINT);
 *     while (!interrupted)
 *         if (ppoll(&ready, 1, NULL, &open) > 0)
 *             cbsvc_dispatch(service, 0);
 */
cbsvc_status CBSVC_CALL cbsvc_waitable(cbsvc_service *service, intptr_t *waitable);

/**
 * Subscribes a handler to an event.
 *
 * event is CallbackService.ready, an event of a command such as CallbackService.scheduled or
 * CallbackService.scheduleError (docs/behaviour.md lists them), or * for all. Handlers of
 * one event run in the order of subscription. A service is ready from the start: a subscription to
 * CallbackService.ready or * is notified before this function returns, or with
 * "handlers":"thread" on the handlers' thread.
 *
 * release, if not NULL, is called with user_data exactly once: after the last call of the
 * handler when the subscription ends, or before this function returns if it fails. *subscription
 * is the id for cbsvc_unsubscribe, never 0 and below 2^53. It is set before the handler is first
 * called. subscription may be NULL: closing the service ends the subscription too.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (event, handler),
 * CBSVC_BAD_HANDLE, CBSVC_NOT_UTF8, CBSVC_BAD_OPTION (no such event), CBSVC_CLOSED,
 * CBSVC_WRONG_MODE ("handlers":"poll", where cbsvc_next_event returns every event),
 * CBSVC_INTERNAL (out of threads), CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     int *count = calloc(1, sizeof *count);
 *     cbsvc_subscribe(service, "CallbackService.scheduled", on_event, count, free, NULL);
 */
cbsvc_status CBSVC_CALL cbsvc_subscribe(cbsvc_service *service,
                                        const char *event,
                                        cbsvc_handler handler,
                                        void *user_data,
                                        cbsvc_release release,
                                        uint64_t *subscription);

/**
 * Ends a subscription.
 *
 * The handler is not called again, except that a call that runs on another thread finishes.
 * release runs when no call is running any more, usually before this function returns. A handler
 * may end its own subscription.
 *
 * Any thread, also inside a handler. Errors: CBSVC_BAD_HANDLE, CBSVC_NO_SUCH (no such
 * subscription), CBSVC_CLOSED, CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     uint64_t subscription;
 *     cbsvc_subscribe(service, "*", on_event, NULL, NULL, &subscription);
 *     cbsvc_unsubscribe(service, subscription);
 */
cbsvc_status CBSVC_CALL cbsvc_unsubscribe(cbsvc_service *service, uint64_t subscription);

/**
 * Returns one value of a JSON text, such as an outcome.
 *
 * pointer is a JSON Pointer (RFC 6901): /slots/0/utcTime is the member utcTime of the first
 * element of the member slots, and an empty pointer is the whole text. In a key, ~1 stands for
 * a slash and ~0 for a tilde. The index of an element may have leading zeros. Blanks are part of
 * a key: a pointer must not end with blanks that are not meant. Of a repeated key the last one
 * counts.
 *
 * *value is the text of a string, without quotation marks and escapes, or any other value as
 * JSON; free it with cbsvc_string_free. value may be NULL to ask whether there is a value.
 * Half a surrogate pair in a string becomes U+FFFD. The text is checked only as far as it is read.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (json, pointer),
 * CBSVC_NOT_UTF8, CBSVC_NOT_JSON, CBSVC_BAD_OPTION (the pointer is malformed, or the string
 * holds U+0000), CBSVC_NO_SUCH (nothing there, or null), CBSVC_PANIC. The log says why,
 * without data. Since 0.1.
 *
 * Example:
 *     char *outcome, *id;
 *     cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome);
 *     if (cbsvc_json_get(outcome, "/id", &id) == CBSVC_OK)
 *         printf("booked as %s\n", id);
 *     cbsvc_string_free(id);
 *     cbsvc_string_free(outcome);
 */
cbsvc_status CBSVC_CALL cbsvc_json_get(const char *json, const char *pointer, char **value);

/**
 * Copies one value of a JSON text into a buffer of the application.
 *
 * The value is that of cbsvc_json_get. size is the length of buffer in bytes. A positive
 * size ends the value with a NUL. A negative one stands for a field of -size bytes, such as
 * COBOL has, which is filled with blanks and has no NUL. With 0, buffer may be NULL, and only
 * *needed is set.
 *
 * *needed is the length of the value in bytes, with its NUL unless size is negative, or
 * 2147483647 if it is larger; 0 if there is no value. needed may be NULL. A value is copied
 * whole or not at all: on failure, buffer holds the empty string or blanks. buffer may be
 * json itself.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (json, pointer, buffer),
 * CBSVC_BUFFER_TOO_SMALL, CBSVC_NOT_UTF8, CBSVC_NOT_JSON, CBSVC_BAD_OPTION (the pointer is
 * malformed, or the string holds U+0000), CBSVC_NO_SUCH (nothing there, or null), CBSVC_PANIC.
 * Since 0.1.
 *
 * Example:
 *     char *outcome, pointer[40], time[40];
 *     uint32_t count, i;
 *     cbsvc_availability(service, "{\"numberOfDays\":1}", &outcome);
 *     cbsvc_json_count(outcome, "/slots", &count);
 *     for (i = 0; i < count; i++) {
 *         sprintf(pointer, "/slots/%u/utcTime", (unsigned)i);
 *         if (cbsvc_json_read(outcome, pointer, time, sizeof time, NULL) == CBSVC_OK)
 *             puts(time);
 *     }
 *     cbsvc_string_free(outcome);
 */
cbsvc_status CBSVC_CALL cbsvc_json_read(const char *json,
                                        const char *pointer,
                                        char *buffer,
                                        int32_t size,
                                        int32_t *needed);

/**
 * Counts the elements of an array or the members of an object in a JSON text.
 *
 * pointer is that of cbsvc_json_get. *count is the number of elements, or of different keys;
 * 0 on failure.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (json, pointer),
 * CBSVC_NOT_UTF8, CBSVC_NOT_JSON, CBSVC_BAD_OPTION (the pointer is malformed, or the value
 * is neither an array nor an object), CBSVC_NO_SUCH (nothing there, or null), CBSVC_PANIC.
 * Since 0.1.
 *
 * Example:
 *     char *outcome;
 *     uint32_t count;
 *     cbsvc_availability(service, "{\"numberOfDays\":1}", &outcome);
 *     if (cbsvc_json_count(outcome, "/slots", &count) == CBSVC_OK)
 *         printf("%u slots\n", (unsigned)count);
 *     cbsvc_string_free(outcome);
 */
cbsvc_status CBSVC_CALL cbsvc_json_count(const char *json, const char *pointer, uint32_t *count);

/**
 * Puts a string into a JSON text, or removes a value from it.
 *
 * json is the text, or NULL for a new object; it is neither changed nor freed. pointer is that
 * of cbsvc_json_get. value is put there as a JSON string, with the escapes that it needs: a
 * number or true is put as a string too, which configuration and commands accept. Parents that
 * are missing or null are created as objects. - stands for the element behind the last one of an
 * array, and its missing parent is created as an array. If value is NULL, the value at the
 * pointer is removed, if there is one. The rest of the text stays as it is, with the order of its
 * keys and the digits of its numbers. Of a repeated key the last one is replaced, and all are
 * removed.
 *
 * *result is the new text, NULL on failure; free it with cbsvc_string_free.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT (pointer), CBSVC_NOT_UTF8,
 * CBSVC_NOT_JSON, CBSVC_BAD_OPTION (the pointer is malformed, names an element beyond the end
 * of an array, or leads through a string, number or boolean), CBSVC_PANIC. The log says why,
 * without data. For a configuration, the message of cbsvc_init names line and column. Since 0.1.
 *
 * Example:
 *     char *data, *complete;
 *     if (cbsvc_json_set(NULL, "/phonenumber", "+14151110000", &data) == CBSVC_OK
 *         && cbsvc_json_set(data, "/userData/topic", "invoice \"17\"", &complete) == CBSVC_OK) {
 *         cbsvc_schedule(service, complete, NULL);
 *         cbsvc_string_free(complete);
 *     }
 *     cbsvc_string_free(data);
 */
cbsvc_status CBSVC_CALL cbsvc_json_set(const char *json,
                                       const char *pointer,
                                       const char *value,
                                       char **result);

/**
 * Returns the state of the library in this process, for troubleshooting.
 *
 * *json is a JSON object with version, process, threads and, for each open service, its server,
 * API version and counters, such as resolved, and errors by the name of the status. It
 * contains no API key, phone number or user data. Free it with cbsvc_string_free. json must
 * not be NULL.
 *
 * Any thread, also inside a handler. Errors: CBSVC_NULL_ARGUMENT, CBSVC_PANIC. Since 0.1.
 *
 * Example:
 *     char *json;
 *     if (cbsvc_diagnostics(&json) == CBSVC_OK)
 *         puts(json);
 *     cbsvc_string_free(json);
 */
cbsvc_status CBSVC_CALL cbsvc_diagnostics(char **json);

/**
 * Sends the library's log lines to a handler; there is one for the whole process.
 *
 * level is one of CBSVC_LOG_OFF to CBSVC_LOG_DEBUG and includes the levels before it. The
 * handler receives the name of the level (error, warning, info, debug) and one line of
 * plain text. It only runs inside functions that the application calls, on the calling thread,
 * never on a thread of the library: lines are queued (the newest 1,000) and delivered before a
 * handler of a service is called and before the function returns. What the log handler itself
 * causes is not logged. Without this function the library writes nothing anywhere. No line
 * contains an API key, phone number or user data.
 *
 * Pass NULL or CBSVC_LOG_OFF to stop logging. The old handler may still be running on another
 * thread when this function returns: handler and user_data must stay valid as long as the
 * process runs.
 *
 * Any thread, also inside a handler. Errors: CBSVC_BAD_OPTION (no such level), CBSVC_PANIC.
 * Since 0.1.
 *
 * Example:
 *     cbsvc_set_log(CBSVC_LOG_WARNING, on_log, NULL);
 */
cbsvc_status CBSVC_CALL cbsvc_set_log(int32_t level, cbsvc_handler handler, void *user_data);

/**
 * Returns the name of a status, such as SLOT_UNAVAILABLE; OK for 0, UNKNOWN for an unknown
 * number.
 *
 * The string is constant and must not be freed. Any thread, also inside a handler. Never fails.
 * Since 0.1.
 *
 * Example:
 *     cbsvc_status status = cbsvc_close(service, 0);
 *     printf("%s (%d)\n", cbsvc_status_name(status), (int)status);
 */
const char *CBSVC_CALL cbsvc_status_name(cbsvc_status status);

/**
 * Frees a string that the library returned in an out parameter. NULL is allowed.
 *
 * The application may have changed the string, for example with strtok.
 *
 * Any thread, also inside a handler. Never fails. Since 0.1.
 *
 * Example:
 *     char *outcome;
 *     cbsvc_schedule(service, "{\"phonenumber\":\"+14151110000\"}", &outcome);
 *     cbsvc_string_free(outcome);
 */
void CBSVC_CALL cbsvc_string_free(char *text);

/**
 * Returns the version of the library as a number, 0xMMmmpp. Compare it with
 * CBSVC_HEADER_VERSION.
 *
 * Any thread, also inside a handler. Never fails. Since 0.1.
 *
 * Example:
 *     if (cbsvc_version() < CBSVC_HEADER_VERSION)
 *         fprintf(stderr, "libcallbackservice %s is older than its header\n", cbsvc_version_text());
 */
uint32_t CBSVC_CALL cbsvc_version(void);

/**
 * Returns the version of the library as a string, such as 0.1.0. The string is constant and must
 * not be freed.
 *
 * Any thread, also inside a handler. Never fails. Since 0.1.
 *
 * Example:
 *     printf("libcallbackservice %s\n", cbsvc_version_text());
 */
const char *CBSVC_CALL cbsvc_version_text(void);

#ifdef __cplusplus
}
#endif

#endif /* CALLBACKSERVICE_H */
