/* Declarations of libcallbackservice for languages that load C declarations at run time; see callbackservice.h.
   This file is generated from the source of the library. */

enum {
    CBSVC_HEADER_VERSION = 0x000100,
    CBSVC_LOG_OFF = 0,
    CBSVC_LOG_ERROR = 1,
    CBSVC_LOG_WARNING = 2,
    CBSVC_LOG_INFO = 3,
    CBSVC_LOG_DEBUG = 4,
    CBSVC_OK = 0,
    CBSVC_NULL_ARGUMENT = 101,
    CBSVC_BAD_HANDLE = 102,
    CBSVC_NOT_UTF8 = 103,
    CBSVC_NOT_JSON = 104,
    CBSVC_CONFIG = 105,
    CBSVC_UNKNOWN_COMMAND = 106,
    CBSVC_NO_DATA = 107,
    CBSVC_BAD_OPTION = 108,
    CBSVC_UNSUPPORTED = 109,
    CBSVC_BUFFER_TOO_SMALL = 110,
    CBSVC_CLOSED = 201,
    CBSVC_REENTRANT = 202,
    CBSVC_WRONG_MODE = 203,
    CBSVC_BUSY = 204,
    CBSVC_NO_SUCH = 205,
    CBSVC_TIMEOUT = 301,
    CBSVC_CANCELLED = 302,
    CBSVC_EXPIRED = 303,
    CBSVC_DNS = 401,
    CBSVC_CONNECT = 402,
    CBSVC_TLS = 403,
    CBSVC_PROXY = 404,
    CBSVC_PROTOCOL = 405,
    CBSVC_TOO_LARGE = 406,
    CBSVC_REJECTED = 501,
    CBSVC_SLOT_UNAVAILABLE = 502,
    CBSVC_UNAUTHORIZED = 503,
    CBSVC_RATE_LIMITED = 504,
    CBSVC_SERVER_ERROR = 505,
    CBSVC_NOT_FOUND = 506,
    CBSVC_PANIC = 901,
    CBSVC_INTERNAL = 902,
    CBSVC_STORAGE = 903
};

typedef struct cbsvc_service cbsvc_service;
typedef int32_t cbsvc_status;
typedef void (*cbsvc_handler)(const char *event, const char *data, void *user_data);
typedef void (*cbsvc_release)(void *user_data);
cbsvc_status cbsvc_init(const char *config,
                        cbsvc_handler on_event,
                        void *user_data,
                        cbsvc_service **service,
                        char **error);
cbsvc_status cbsvc_configure(cbsvc_service *service, const char *config, char **error);
cbsvc_status cbsvc_close(cbsvc_service *service, int32_t timeout_ms);
cbsvc_status cbsvc_schedule(cbsvc_service *service, const char *data, char **outcome);
cbsvc_status cbsvc_availability(cbsvc_service *service, const char *query, char **outcome);
cbsvc_status cbsvc_command(cbsvc_service *service,
                           const char *name,
                           const char *data,
                           char **outcome);
cbsvc_status cbsvc_start(cbsvc_service *service,
                         const char *name,
                         const char *data,
                         cbsvc_handler done,
                         void *user_data,
                         cbsvc_release release,
                         uint64_t *call);
cbsvc_status cbsvc_cancel(cbsvc_service *service, uint64_t call);
cbsvc_status cbsvc_dispatch(cbsvc_service *service, int32_t timeout_ms);
cbsvc_status cbsvc_next_event(cbsvc_service *service,
                              int32_t timeout_ms,
                              uint64_t *call,
                              char **event,
                              char **data);
cbsvc_status cbsvc_waitable(cbsvc_service *service, intptr_t *waitable);
cbsvc_status cbsvc_subscribe(cbsvc_service *service,
                             const char *event,
                             cbsvc_handler handler,
                             void *user_data,
                             cbsvc_release release,
                             uint64_t *subscription);
cbsvc_status cbsvc_unsubscribe(cbsvc_service *service, uint64_t subscription);
cbsvc_status cbsvc_json_get(const char *json, const char *pointer, char **value);
cbsvc_status cbsvc_json_read(const char *json,
                             const char *pointer,
                             char *buffer,
                             int32_t size,
                             int32_t *needed);
cbsvc_status cbsvc_json_count(const char *json, const char *pointer, uint32_t *count);
cbsvc_status cbsvc_json_set(const char *json,
                            const char *pointer,
                            const char *value,
                            char **result);
cbsvc_status cbsvc_diagnostics(char **json);
cbsvc_status cbsvc_set_log(int32_t level, cbsvc_handler handler, void *user_data);
const char *cbsvc_status_name(cbsvc_status status);
void cbsvc_string_free(char *text);
uint32_t cbsvc_version(void);
const char *cbsvc_version_text(void);
