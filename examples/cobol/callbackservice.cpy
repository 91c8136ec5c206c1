      *> The constants of callbackservice.h, and a CALL of each function
      *> at the end.
      *>
      *> - RC, FIELD-SIZE, NEEDED, TIMEOUT-MS and LOG-LEVEL are
      *>   BINARY-LONG, COUNTER is BINARY-LONG UNSIGNED. DESCRIPTOR is
      *>   BINARY-DOUBLE, CALL-ID and SUBSCRIPTION-ID are BINARY-DOUBLE
      *>   UNSIGNED. SERVICE and every *-TEXT are USAGE POINTER.
      *> - BY VALUE passes 4 bytes of a BINARY-DOUBLE without SIZE 8.
      *> - In place of BY VALUE and a *-TEXT, BY REFERENCE and a field
      *>   that ends with X"00" or a literal such as Z"/id" will do.
      *>   Write JSON as Z'{"id":"5"}': a doubled quotation mark ends a
      *>   Z literal.
      *> - BY REFERENCE OMITTED passes NULL.
      *> - RETURNING OMITTED stands where a function returns nothing.
      *>   Without it, RETURN-CODE, the exit status, becomes random.
       78  CBSVC-HEADER-VERSION         VALUE 256.
       78  CBSVC-LOG-OFF                VALUE 0.
       78  CBSVC-LOG-ERROR              VALUE 1.
       78  CBSVC-LOG-WARNING            VALUE 2.
       78  CBSVC-LOG-INFO               VALUE 3.
       78  CBSVC-LOG-DEBUG              VALUE 4.
       78  CBSVC-OK                     VALUE 0.
       78  CBSVC-NULL-ARGUMENT          VALUE 101.
       78  CBSVC-BAD-HANDLE             VALUE 102.
       78  CBSVC-NOT-UTF8               VALUE 103.
       78  CBSVC-NOT-JSON               VALUE 104.
       78  CBSVC-CONFIG                 VALUE 105.
       78  CBSVC-UNKNOWN-COMMAND        VALUE 106.
       78  CBSVC-NO-DATA                VALUE 107.
       78  CBSVC-BAD-OPTION             VALUE 108.
       78  CBSVC-UNSUPPORTED            VALUE 109.
       78  CBSVC-BUFFER-TOO-SMALL       VALUE 110.
       78  CBSVC-CLOSED                 VALUE 201.
       78  CBSVC-REENTRANT              VALUE 202.
       78  CBSVC-WRONG-MODE             VALUE 203.
       78  CBSVC-BUSY                   VALUE 204.
       78  CBSVC-NO-SUCH                VALUE 205.
       78  CBSVC-TIMEOUT                VALUE 301.
       78  CBSVC-CANCELLED              VALUE 302.
       78  CBSVC-EXPIRED                VALUE 303.
       78  CBSVC-DNS                    VALUE 401.
       78  CBSVC-CONNECT                VALUE 402.
       78  CBSVC-TLS                    VALUE 403.
       78  CBSVC-PROXY                  VALUE 404.
       78  CBSVC-PROTOCOL               VALUE 405.
       78  CBSVC-TOO-LARGE              VALUE 406.
       78  CBSVC-REJECTED               VALUE 501.
       78  CBSVC-SLOT-UNAVAILABLE       VALUE 502.
       78  CBSVC-UNAUTHORIZED           VALUE 503.
       78  CBSVC-RATE-LIMITED           VALUE 504.
       78  CBSVC-SERVER-ERROR           VALUE 505.
       78  CBSVC-NOT-FOUND              VALUE 506.
       78  CBSVC-PANIC                  VALUE 901.
       78  CBSVC-INTERNAL               VALUE 902.
       78  CBSVC-STORAGE                VALUE 903.
      *> CALL "cbsvc_init" USING BY VALUE CONFIG-TEXT
      *>     BY REFERENCE OMITTED OMITTED SERVICE ERROR-TEXT
      *>     RETURNING RC
      *> CALL "cbsvc_configure" USING BY VALUE SERVICE CONFIG-TEXT
      *>     BY REFERENCE ERROR-TEXT RETURNING RC
      *> CALL "cbsvc_close" USING BY VALUE SERVICE TIMEOUT-MS
      *>     RETURNING RC
      *> CALL "cbsvc_schedule" USING BY VALUE SERVICE OPTIONS-TEXT
      *>     BY REFERENCE OUTCOME-TEXT RETURNING RC
      *> CALL "cbsvc_availability" USING BY VALUE SERVICE OPTIONS-TEXT
      *>     BY REFERENCE OUTCOME-TEXT RETURNING RC
      *> CALL "cbsvc_command" USING BY VALUE SERVICE NAME-TEXT
      *>     OPTIONS-TEXT BY REFERENCE OUTCOME-TEXT RETURNING RC
      *> CALL "cbsvc_start" USING BY VALUE SERVICE NAME-TEXT
      *>     OPTIONS-TEXT BY REFERENCE OMITTED OMITTED OMITTED CALL-ID
      *>     RETURNING RC
      *> CALL "cbsvc_cancel" USING BY VALUE SERVICE
      *>     BY VALUE SIZE 8 CALL-ID RETURNING RC
      *> CALL "cbsvc_next_event" USING BY VALUE SERVICE TIMEOUT-MS
      *>     BY REFERENCE CALL-ID EVENT-TEXT DATA-TEXT RETURNING RC
      *> CALL "cbsvc_waitable" USING BY VALUE SERVICE
      *>     BY REFERENCE DESCRIPTOR RETURNING RC
      *> CALL "cbsvc_json_get" USING BY VALUE JSON-TEXT POINTER-TEXT
      *>     BY REFERENCE VALUE-TEXT RETURNING RC
      *> CALL "cbsvc_json_read" USING BY VALUE JSON-TEXT POINTER-TEXT
      *>     BY REFERENCE FIELD BY VALUE FIELD-SIZE BY REFERENCE NEEDED
      *>     RETURNING RC
      *> CALL "cbsvc_json_count" USING BY VALUE JSON-TEXT POINTER-TEXT
      *>     BY REFERENCE COUNTER RETURNING RC
      *> CALL "cbsvc_json_set" USING BY VALUE JSON-TEXT POINTER-TEXT
      *>     VALUE-TEXT BY REFERENCE RESULT-TEXT RETURNING RC
      *> CALL "cbsvc_diagnostics" USING BY REFERENCE JSON-TEXT
      *>     RETURNING RC
      *> CALL "cbsvc_status_name" USING BY VALUE RC RETURNING NAME-TEXT
      *> CALL "cbsvc_string_free" USING BY VALUE JSON-TEXT
      *>     RETURNING OMITTED
      *> CALL "cbsvc_version" RETURNING COUNTER
      *> CALL "cbsvc_version_text" RETURNING NAME-TEXT
      *> Not for COBOL, because they need handlers, in place of which
      *> poll mode has cbsvc_next_event:
      *> CALL "cbsvc_subscribe" USING BY VALUE SERVICE EVENT-TEXT
      *>     HANDLER USER-DATA DESTRUCTOR BY REFERENCE SUBSCRIPTION-ID
      *>     RETURNING RC
      *> CALL "cbsvc_unsubscribe" USING BY VALUE SERVICE
      *>     BY VALUE SIZE 8 SUBSCRIPTION-ID RETURNING RC
      *> CALL "cbsvc_dispatch" USING BY VALUE SERVICE TIMEOUT-MS
      *>     RETURNING RC
      *> CALL "cbsvc_set_log" USING BY VALUE LOG-LEVEL HANDLER USER-DATA
      *>     RETURNING RC
