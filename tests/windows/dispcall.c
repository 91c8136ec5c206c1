/*
 * Books as the VBA module does in 32 bits: through DispCallFunc, which calls a __cdecl function with values of VARIANT.
 *
 *     dispcall DATA_URL
 */
#include "check.h"

#include <oleauto.h>

static HMODULE library;

/* Calls a function with up to seven pointers or numbers, the letters of the types: p and n. */
static LONG invoke(const char *name, const char *types, ...)
{
    VARTYPE kinds[7];
    VARIANT values[7], result;
    VARIANT *pointers[7];
    va_list arguments;
    UINT count, i;
    FARPROC function = GetProcAddress(library, name);

    CHECK(function != NULL);
    va_start(arguments, types);
    count = (UINT)strlen(types);
    for (i = 0; i < count; i++) {
        VariantInit(&values[i]);
        if (types[i] == 'n') {
            V_VT(&values[i]) = VT_I4;
            V_I4(&values[i]) = va_arg(arguments, LONG);
        } else {
            /* LongPtr is Long in 32 bits and LongLong in 64. */
            V_VT(&values[i]) = sizeof(void *) == 8 ? VT_I8 : VT_I4;
            V_I8(&values[i]) = (intptr_t)va_arg(arguments, void *);
        }
        kinds[i] = V_VT(&values[i]);
        pointers[i] = &values[i];
    }
    va_end(arguments);
    CHECK(DispCallFunc(NULL, (ULONG_PTR)function, CC_CDECL, VT_I4, count, kinds, pointers, &result) == S_OK);
    return V_I4(&result);
}

int main(int argc, char **argv)
{
    void *service = NULL, *error = NULL, *config = NULL, *event = NULL, *outcome = NULL;
    /* A Currency. */
    int64_t call = 0, completed = 0;
    LONG status;

    CHECK(argc == 2);
    library = LoadLibraryA("callbackservice.dll");
    CHECK(library != NULL);
    CHECK(invoke("cbsvc_json_set", "pppp", "{\"handlers\":\"poll\"}", "/dataURL", argv[1], &config) == CBSVC_OK);
    CHECK(invoke("cbsvc_init", "ppppp", config, NULL, NULL, &service, &error) == CBSVC_OK && service != NULL);
    CHECK(invoke("cbsvc_start", "ppppppp", service, "CallbackService.schedule", "{\"phonenumber\":\"+14151110000\"}", NULL,
                 NULL, NULL, &call) == CBSVC_OK);
    do {
        status = invoke("cbsvc_next_event", "pnppp", service, (LONG)50, &completed, &event, &outcome);
        CHECK(status == CBSVC_OK || status == CBSVC_TIMEOUT);
    } while (completed != call);
    CHECK(strstr(outcome, "\"state\":\"resolved\"") != NULL);
    invoke("cbsvc_string_free", "p", event);
    invoke("cbsvc_string_free", "p", outcome);
    invoke("cbsvc_string_free", "p", config);
    CHECK(invoke("cbsvc_close", "pn", service, (LONG)5000) == CBSVC_OK);
    printf("%d checks passed\n", checks);
    return 0;
}
