      *> Shows the next open slots, and books one for a caller.
      *>
      *>     book CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]
      *>
      *> CONFIG_FILE holds a JSON object with at least dataURL. Without
      *> DESIRED_TIME, the first slot is booked. The exit status is 0 if
      *> the callback is booked, 1 if not, and 2 if that is not known.
      *>
      *> Compile: cobc -x -fstatic-call book.cob -lcallbackservice
      *> Without -fstatic-call, functions are looked up at run time: set
      *> COB_PRE_LOAD=libcallbackservice, and COB_LIBRARY_PATH to the
      *> directory of libcallbackservice.so.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. BOOK.
       ENVIRONMENT DIVISION.
       INPUT-OUTPUT SECTION.
       FILE-CONTROL.
           SELECT CONFIG-FILE ASSIGN TO CONFIG-PATH
               ORGANIZATION IS LINE SEQUENTIAL
               FILE STATUS IS FILE-STATUS.
       DATA DIVISION.
       FILE SECTION.
       FD  CONFIG-FILE.
       01  CONFIG-LINE         PIC X(8001).
       WORKING-STORAGE SECTION.
       COPY callbackservice.
      *> COBOL cuts what is longer than a field, and reports nothing: a
      *> last character that is not blank shows that it did not fit.
       01  ARGUMENT            PIC X(200).
       01  CONFIG-PATH         PIC X(200).
       01  PHONE-NUMBER        PIC X(200).
       01  CALLER-NAME         PIC X(200).
       01  DESIRED-TIME        PIC X(200).
       01  FILE-STATUS         PIC XX.
       01  CONFIG-TEXT         PIC X(8000).
       01  CONFIG-END          BINARY-LONG VALUE 1.
       01  RC                  BINARY-LONG.
       01  SERVICE             USAGE POINTER VALUE NULL.
       01  OPTION-TEXT         USAGE POINTER.
       01  LONGER-TEXT         USAGE POINTER.
       01  OUTCOME             USAGE POINTER.
       01  EVENT-NAME          USAGE POINTER.
       01  TEXT-POINTER        USAGE POINTER.
       01  LIBRARY-TEXT        PIC X(400) BASED.
       01  CALL-ID             BINARY-DOUBLE UNSIGNED.
       01  DONE-ID             BINARY-DOUBLE UNSIGNED.
       01  COMMAND-NAME        PIC X(40).
       01  COMMAND-STATE       PIC X(10).
       01  JSON-POINTER        PIC X(40).
       01  OPTION-VALUE        PIC X(201).
       01  JSON-VALUE          PIC X(200).
       01  VALUE-SIZE          BINARY-LONG.
       01  VALUE-NEEDED        BINARY-LONG.
       01  SLOT-TIME           PIC X(24).
       01  SLOT-INDEX          PIC 99.
       01  MESSAGE-TEXT        PIC X(400).
       PROCEDURE DIVISION.
       MAIN-PARAGRAPH.
           MOVE 1 TO RETURN-CODE
           PERFORM READ-ARGUMENTS
           PERFORM READ-CONFIGURATION
           PERFORM OPEN-SERVICE
           PERFORM LIST-SLOTS
           IF DESIRED-TIME NOT = SPACES
               PERFORM BOOK-CALLER
           END-IF
           PERFORM CLOSE-SERVICE.

       READ-ARGUMENTS.
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO CONFIG-PATH
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO PHONE-NUMBER
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO CALLER-NAME
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO DESIRED-TIME
           PERFORM NEXT-ARGUMENT
           IF CALLER-NAME = SPACES OR ARGUMENT NOT = SPACES
               MOVE "usage: book CONFIG_FILE PHONE_NUMBER NAME [TIME]"
                   TO MESSAGE-TEXT
               PERFORM FAIL
           END-IF.

       NEXT-ARGUMENT.
           MOVE SPACES TO ARGUMENT
           ACCEPT ARGUMENT FROM ARGUMENT-VALUE
           IF ARGUMENT(LENGTH OF ARGUMENT:1) NOT = SPACE
               MOVE "an argument is too long" TO MESSAGE-TEXT
               PERFORM FAIL
           END-IF.

       READ-CONFIGURATION.
           OPEN INPUT CONFIG-FILE
           PERFORM UNTIL FILE-STATUS NOT = "00"
               READ CONFIG-FILE
                   NOT AT END PERFORM APPEND-LINE
               END-READ
           END-PERFORM
           IF FILE-STATUS NOT = "10"
               STRING FUNCTION TRIM(CONFIG-PATH) ": file status "
                   FILE-STATUS DELIMITED BY SIZE INTO MESSAGE-TEXT
               PERFORM FAIL
           END-IF
           CLOSE CONFIG-FILE.

      *> CONFIG-LINE is longer than CONFIG-TEXT: a line that fills it
      *> does not fit. After blanks, what is left is not complete JSON.
       APPEND-LINE.
           STRING FUNCTION TRIM(CONFIG-LINE TRAILING) X"0A" X"00"
               DELIMITED BY SIZE
               INTO CONFIG-TEXT WITH POINTER CONFIG-END
               ON OVERFLOW
                   MOVE "the configuration is too long" TO MESSAGE-TEXT
                   PERFORM FAIL
           END-STRING
           SUBTRACT 1 FROM CONFIG-END.

      *> Always poll mode: a handler would enter this program while it
      *> is inside a CALL, and the COBOL runtime would end it.
       OPEN-SERVICE.
           CALL "cbsvc_json_set" USING BY REFERENCE CONFIG-TEXT
               Z"/handlers" Z"poll" OPTION-TEXT RETURNING RC
           PERFORM CHECK-STATUS
           CALL "cbsvc_init" USING BY VALUE OPTION-TEXT
               BY REFERENCE OMITTED OMITTED SERVICE TEXT-POINTER
               RETURNING RC
           CALL "cbsvc_string_free" USING BY VALUE OPTION-TEXT
               RETURNING OMITTED
           SET OPTION-TEXT TO NULL
           IF RC NOT = CBSVC-OK
               PERFORM COPY-LIBRARY-TEXT
               CALL "cbsvc_string_free" USING BY VALUE TEXT-POINTER
                   RETURNING OMITTED
               PERFORM FAIL
           END-IF.

       LIST-SLOTS.
           MOVE Z"/numberOfDays" TO JSON-POINTER
           MOVE "1" TO OPTION-VALUE
           PERFORM ADD-OPTION
           MOVE Z"/maxTimeSlots" TO JSON-POINTER
           MOVE "3" TO OPTION-VALUE
           PERFORM ADD-OPTION
           MOVE Z"CallbackService.availability" TO COMMAND-NAME
           PERFORM RUN-COMMAND
           IF COMMAND-STATE NOT = "resolved"
               MOVE SPACES TO DESIRED-TIME
               MOVE Z"/error/message" TO JSON-POINTER
               PERFORM READ-VALUE
               DISPLAY "no slots: " FUNCTION TRIM(JSON-VALUE)
                   UPON STDERR
           ELSE
               DISPLAY "open:"
               PERFORM SHOW-SLOTS
               MOVE Z"/slots/0/utcTime" TO JSON-POINTER
               PERFORM READ-VALUE
               IF DESIRED-TIME = SPACES
                   MOVE JSON-VALUE TO DESIRED-TIME
               END-IF
               IF DESIRED-TIME = SPACES
                   DISPLAY "no slot is open" UPON STDERR
               END-IF
           END-IF
           CALL "cbsvc_string_free" USING BY VALUE OUTCOME
               RETURNING OMITTED.

       SHOW-SLOTS.
           PERFORM VARYING SLOT-INDEX FROM 0 BY 1 UNTIL SLOT-INDEX = 3
               STRING "/slots/" SLOT-INDEX "/utcTime" X"00"
                   DELIMITED BY SIZE INTO JSON-POINTER
               PERFORM READ-VALUE
               IF JSON-VALUE NOT = SPACES
                   MOVE JSON-VALUE TO SLOT-TIME
                   STRING "/slots/" SLOT-INDEX "/capacity" X"00"
                       DELIMITED BY SIZE INTO JSON-POINTER
                   PERFORM READ-VALUE
                   DISPLAY "  " SLOT-TIME "  "
                       FUNCTION TRIM(JSON-VALUE) " free"
               END-IF
           END-PERFORM.

       BOOK-CALLER.
           MOVE Z"/phonenumber" TO JSON-POINTER
           MOVE PHONE-NUMBER TO OPTION-VALUE
           PERFORM ADD-OPTION
           MOVE Z"/firstname" TO JSON-POINTER
           MOVE CALLER-NAME TO OPTION-VALUE
           PERFORM ADD-OPTION
           MOVE Z"/desiredtime" TO JSON-POINTER
           MOVE DESIRED-TIME TO OPTION-VALUE
           PERFORM ADD-OPTION
           MOVE Z"CallbackService.schedule" TO COMMAND-NAME
      *    If this program fails from here on, what is booked is open.
           MOVE 2 TO RETURN-CODE
           PERFORM RUN-COMMAND
           IF COMMAND-STATE = "resolved"
               MOVE Z"/id" TO JSON-POINTER
               PERFORM READ-VALUE
               DISPLAY "booked " FUNCTION TRIM(DESIRED-TIME) " as "
                   FUNCTION TRIM(JSON-VALUE)
               MOVE 0 TO RETURN-CODE
           ELSE
               MOVE Z"/error/message" TO JSON-POINTER
               PERFORM READ-VALUE
               DISPLAY "not booked: " FUNCTION TRIM(JSON-VALUE)
                   UPON STDERR
               MOVE Z"/error/booked" TO JSON-POINTER
               PERFORM READ-VALUE
               IF JSON-VALUE NOT = "unknown"
                   MOVE 1 TO RETURN-CODE
               END-IF
               MOVE Z"/slots/0/utcTime" TO JSON-POINTER
               PERFORM READ-VALUE
               IF JSON-VALUE NOT = SPACES
                   DISPLAY "open instead:"
                   PERFORM SHOW-SLOTS
               END-IF
           END-IF
           CALL "cbsvc_string_free" USING BY VALUE OUTCOME
               RETURNING OMITTED.

      *> Puts OPTION-VALUE into OPTION-TEXT at JSON-POINTER.
       ADD-OPTION.
           STRING FUNCTION TRIM(OPTION-VALUE) X"00"
               DELIMITED BY SIZE INTO OPTION-VALUE
           CALL "cbsvc_json_set" USING BY VALUE OPTION-TEXT
               BY REFERENCE JSON-POINTER OPTION-VALUE LONGER-TEXT
               RETURNING RC
           PERFORM CHECK-STATUS
           CALL "cbsvc_string_free" USING BY VALUE OPTION-TEXT
               RETURNING OMITTED
           SET OPTION-TEXT TO LONGER-TEXT.

      *> Runs COMMAND-NAME with OPTION-TEXT, which is freed, and waits
      *> for OUTCOME: the call ends by itself within ajaxTimeout.
       RUN-COMMAND.
           CALL "cbsvc_start" USING BY VALUE SERVICE
               BY REFERENCE COMMAND-NAME BY VALUE OPTION-TEXT
               BY REFERENCE OMITTED OMITTED OMITTED CALL-ID
               RETURNING RC
           PERFORM CHECK-STATUS
           CALL "cbsvc_string_free" USING BY VALUE OPTION-TEXT
               RETURNING OMITTED
           SET OPTION-TEXT TO NULL
           MOVE 0 TO DONE-ID
           PERFORM UNTIL DONE-ID = CALL-ID
               CALL "cbsvc_next_event" USING BY VALUE SERVICE -1
                   BY REFERENCE DONE-ID EVENT-NAME OUTCOME RETURNING RC
               PERFORM CHECK-STATUS
               CALL "cbsvc_string_free" USING BY VALUE EVENT-NAME
                   RETURNING OMITTED
               IF DONE-ID NOT = CALL-ID
                   CALL "cbsvc_string_free" USING BY VALUE OUTCOME
                       RETURNING OMITTED
               END-IF
           END-PERFORM
           MOVE Z"/state" TO JSON-POINTER
           PERFORM READ-VALUE
           MOVE JSON-VALUE TO COMMAND-STATE.

      *> Reads the value of OUTCOME at JSON-POINTER; blanks if there is
      *> none. A negative size stands for a field without a NUL.
       READ-VALUE.
           COMPUTE VALUE-SIZE = - LENGTH OF JSON-VALUE
           CALL "cbsvc_json_read" USING BY VALUE OUTCOME
               BY REFERENCE JSON-POINTER JSON-VALUE
               BY VALUE VALUE-SIZE BY REFERENCE VALUE-NEEDED
               RETURNING RC
           IF RC = CBSVC-BUFFER-TOO-SMALL
               DISPLAY JSON-POINTER " has " VALUE-NEEDED " bytes"
                   UPON STDERR
           END-IF
           IF RC NOT = CBSVC-NO-SUCH
               PERFORM CHECK-STATUS
           END-IF.

       CHECK-STATUS.
           IF RC NOT = CBSVC-OK
               CALL "cbsvc_status_name" USING BY VALUE RC
                   RETURNING TEXT-POINTER
               PERFORM COPY-LIBRARY-TEXT
               PERFORM FAIL
           END-IF.

      *> Copies a text of the library up to its NUL.
       COPY-LIBRARY-TEXT.
           SET ADDRESS OF LIBRARY-TEXT TO TEXT-POINTER
           MOVE SPACES TO MESSAGE-TEXT
           STRING LIBRARY-TEXT DELIMITED BY X"00" INTO MESSAGE-TEXT.

       FAIL.
           DISPLAY FUNCTION TRIM(MESSAGE-TEXT) UPON STDERR
           CLOSE CONFIG-FILE
           PERFORM CLOSE-SERVICE.

       CLOSE-SERVICE.
           IF SERVICE NOT = NULL
               CALL "cbsvc_close" USING BY VALUE SERVICE 1000
                   RETURNING RC
               IF RC NOT = CBSVC-OK
                   DISPLAY "closing: status " RC UPON STDERR
               END-IF
           END-IF
           STOP RUN.
