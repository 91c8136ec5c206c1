/*
 * Loads the library, makes a call and unloads it, many times: no crash, and no growth.
 *
 *     unload LIBRARY BASE_URL TIMES
 */
#include "check.h"

int main(int argc, char **argv)
{
    char config[256];
    long i, times, memory = 0, threads = status_of_process("Threads"), descriptors = 0;

    if (argc != 4)
        return 2;
    times = atol(argv[3]);
    snprintf(config, sizeof config, "{\"dataURL\":\"%s/x\",\"ajaxTimeout\":30000,\"proxy\":\"none\"}", argv[2]);
    for (i = 0; i < times; i++) {
        cbsvc_service *service;
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        cbsvc_status (*init)(const char *, cbsvc_handler, void *, cbsvc_service **, char **);
        cbsvc_status (*schedule)(cbsvc_service *, const char *, char **);
        cbsvc_status (*start)(cbsvc_service *, const char *, const char *, cbsvc_handler, void *, cbsvc_release, uint64_t *);
        cbsvc_status (*dispatch)(cbsvc_service *, int32_t);
        cbsvc_status (*close_service)(cbsvc_service *, int32_t);

        CHECK(library != NULL);
        *(void **)&init = dlsym(library, "cbsvc_init");
        *(void **)&schedule = dlsym(library, "cbsvc_schedule");
        *(void **)&start = dlsym(library, "cbsvc_start");
        *(void **)&dispatch = dlsym(library, "cbsvc_dispatch");
        *(void **)&close_service = dlsym(library, "cbsvc_close");
        CHECK(init(config, NULL, NULL, &service, NULL) == CBSVC_OK);
        CHECK(schedule(service, "{\"phonenumber\":\"1\"}", NULL) == CBSVC_OK);
        CHECK(start(service, "CallbackService.schedule", "{\"phonenumber\":\"1\"}", NULL, NULL, NULL, NULL) == CBSVC_OK);
        CHECK(dispatch(service, -1) == CBSVC_OK);
        CHECK(close_service(service, 1000) == CBSVC_OK);
        CHECK(dlclose(library) == 0);
        if (i == times / 5) {
            memory = status_of_process("VmRSS");
            descriptors = open_descriptors();
        }
    }
    CHECK(status_of_process("Threads") == threads);
    CHECK(open_descriptors() == descriptors);
    CHECK(status_of_process("VmRSS") - memory < 2048);
    printf("loaded and unloaded %ld times: %ld KiB more\n", times, status_of_process("VmRSS") - memory);
    printf("%d checks passed\n", checks);
    return 0;
}
