# The commands of libcallbackservice that service.tcl needs, in C. Build the package once, with a compiler of C:
#
#     critcl -pkg -libdir DIRECTORY callbackservice.tcl
#
# Programs find it through TCLLIBPATH=DIRECTORY, or auto_path, and need the library alone. No command passes a handler:
# the library calls no Tcl code.

package require critcl 3.1
package provide callbackservice 1.0

critcl::clibraries -l:libcallbackservice.so.1
critcl::tsources service.tcl

critcl::ccode {
    #include <string.h>
    #include <callbackservice.h>

    /* Text as UTF-8: Tcl stores NUL, and characters beyond U+FFFF, in another form. The caller frees it with ckfree. */
    static char *to_utf8(Tcl_Interp *interp, Tcl_Obj *object)
    {
        Tcl_DString text;
        int length;
        const char *source = Tcl_GetStringFromObj(object, &length);
        Tcl_Encoding encoding = Tcl_GetEncoding(NULL, "utf-8");
        char *copy = NULL;

        Tcl_UtfToExternalDString(encoding, source, length, &text);
        Tcl_FreeEncoding(encoding);
        length = Tcl_DStringLength(&text);
        if (memchr(Tcl_DStringValue(&text), '\0', length) == NULL) {
            copy = ckalloc(length + 1);
            memcpy(copy, Tcl_DStringValue(&text), length);
            copy[length] = '\0';
        } else
            Tcl_SetObjResult(interp, Tcl_NewStringObj("a text holds a NUL", -1));
        Tcl_DStringFree(&text);
        return copy;
    }

    /* Copies a text of the library, and frees it; empty for NULL. */
    static Tcl_Obj *from_utf8(char *source)
    {
        Tcl_DString text;
        Tcl_Encoding encoding = Tcl_GetEncoding(NULL, "utf-8");
        Tcl_Obj *object;

        Tcl_ExternalToUtfDString(encoding, source, -1, &text);
        Tcl_FreeEncoding(encoding);
        object = Tcl_NewStringObj(Tcl_DStringValue(&text), Tcl_DStringLength(&text));
        Tcl_DStringFree(&text);
        cbsvc_string_free(source);
        return object;
    }

    /* The result of a command, or the error STATUS with the code {CALLBACKSERVICE STATUS}. */
    static int finish(Tcl_Interp *interp, cbsvc_status status, Tcl_Obj *result, const char *message)
    {
        const char *name = cbsvc_status_name(status);

        if (status == CBSVC_OK) {
            Tcl_SetObjResult(interp, result);
            return TCL_OK;
        }
        Tcl_IncrRefCount(result);
        Tcl_DecrRefCount(result);
        Tcl_SetErrorCode(interp, "CALLBACKSERVICE", name, NULL);
        Tcl_SetObjResult(interp, Tcl_NewStringObj(message != NULL ? message : name, -1));
        return TCL_ERROR;
    }
}

critcl::argtype text {
    if ((@A = to_utf8(interp, @@)) == NULL) return TCL_ERROR;
} char* char*
critcl::argtyperelease text {
    ckfree(@A);
}

# A handle is a number: no command follows it as an address.
critcl::cproc callbackservice::init {Tcl_Interp* interp text config} ok {
    cbsvc_service *service;
    char *error;
    cbsvc_status status = cbsvc_init(config, NULL, NULL, &service, &error);
    int code = finish(interp, status, Tcl_NewWideIntObj((Tcl_WideInt)(intptr_t)service), error);

    cbsvc_string_free(error);
    return code;
}

critcl::cproc callbackservice::start {Tcl_Interp* interp wideint service text command text data} ok {
    uint64_t call;
    cbsvc_status status = cbsvc_start((cbsvc_service *)(intptr_t)service, command, data, NULL, NULL, NULL, &call);

    return finish(interp, status, Tcl_NewWideIntObj((Tcl_WideInt)call), NULL);
}

# The list {call event data}.
critcl::cproc callbackservice::next_event {Tcl_Interp* interp wideint service int milliseconds} ok {
    uint64_t call;
    char *event, *data;
    cbsvc_status status = cbsvc_next_event((cbsvc_service *)(intptr_t)service, milliseconds, &call, &event, &data);
    Tcl_Obj *values[3];

    values[0] = Tcl_NewWideIntObj((Tcl_WideInt)call);
    values[1] = from_utf8(event);
    values[2] = from_utf8(data);
    return finish(interp, status, Tcl_NewListObj(3, values), NULL);
}

critcl::cproc callbackservice::try_close {Tcl_Interp* interp wideint service int milliseconds} ok {
    return finish(interp, cbsvc_close((cbsvc_service *)(intptr_t)service, milliseconds), Tcl_NewObj(), NULL);
}

critcl::cproc callbackservice::json_get {Tcl_Interp* interp text json text pointer} ok {
    char *value;
    cbsvc_status status = cbsvc_json_get(json, pointer, &value);

    return finish(interp, status, from_utf8(value), NULL);
}

critcl::cproc callbackservice::json_count {Tcl_Interp* interp text json text pointer} ok {
    uint32_t count;
    cbsvc_status status = cbsvc_json_count(json, pointer, &count);

    return finish(interp, status, Tcl_NewWideIntObj(count), NULL);
}

critcl::cproc callbackservice::json_set {Tcl_Interp* interp text json text pointer text value} ok {
    char *result;
    cbsvc_status status = cbsvc_json_set(json, pointer, value, &result);

    return finish(interp, status, from_utf8(result), NULL);
}
