import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs many commands while the garbage collector runs all the time, with a handler of the log that throws, and checks
 * that texts reach the library, and handlers, as they are.
 *
 * <pre>java Pressure CONFIG_FILE CALLS NUMBER_OF_A_BOOKING</pre>
 */
public final class Pressure {
    private static final CallbackServiceLibrary LIBRARY = CallbackServiceLibrary.load();
    private static final AtomicInteger LINES = new AtomicInteger();
    private static final CallbackServiceLibrary.Handler LOG = (level, line, data) -> {
        if (LINES.incrementAndGet() == 10) {
            throw new IllegalStateException("planned");
        }
    };
    private static String heard = "";
    private static final CallbackServiceLibrary.Handler ON_EVENT = (event, data, userData) -> heard = data;

    private static void check(boolean isTrue, String what) {
        if (!isTrue) {
            throw new AssertionError(what);
        }
    }

    private static Pointer open(String config, CallbackServiceLibrary.Handler handler) {
        PointerByReference opened = new PointerByReference();
        PointerByReference error = new PointerByReference();
        int status = LIBRARY.cbsvc_init(config, handler, null, opened, error);
        String message = LIBRARY.take(error);
        check(status == 0, message);
        return opened.getValue();
    }

    private static int runMany(Pointer service, int calls) {
        LongByReference call = new LongByReference();
        PointerByReference event = new PointerByReference();
        PointerByReference outcome = new PointerByReference();
        int resolved = 0;
        for (int done = 0; done < calls; done += 20) {
            for (int i = 0; i < 20; i++) {
                int status = LIBRARY.cbsvc_start(
                    service, "CallbackService.availability", "{\"numberOfDays\":1}", null, null, null, call);
                check(status == 0, LIBRARY.cbsvc_status_name(status));
            }
            for (int i = 0; i < 20; ) {
                check(LIBRARY.cbsvc_next_event(service, -1, call, event, outcome) == 0, "next_event");
                LIBRARY.take(event);
                String json = LIBRARY.take(outcome);
                if (call.getValue() == 0) {
                    continue;
                }
                i++;
                PointerByReference state = new PointerByReference();
                check(LIBRARY.cbsvc_json_get(json, "/state", state) == 0, json);
                resolved += LIBRARY.take(state).equals("resolved") ? 1 : 0;
            }
        }
        return resolved;
    }

    private static void checkTexts(String config, String number) {
        Pointer service = open(config, ON_EVENT);
        int status = LIBRARY.cbsvc_command(
            service, "CallbackService.query", "{\"phonenumber\":\"" + number + "\"}", null);
        check(status == 0, LIBRARY.cbsvc_status_name(status));
        check(heard.contains("J\u00fcrgen \u6c38"), heard);
        for (String spoiled : new String[] {"a\0b", "\ud83d"}) {
            try {
                LIBRARY.cbsvc_json_set(null, "/a", spoiled, new PointerByReference());
                check(false, "a text was spoiled");
            } catch (IllegalArgumentException expected) {
                continue;
            }
        }
        byte[] field = new byte[6];
        check(LIBRARY.cbsvc_json_read("{\"a\":\"x\u00fc\"}", "/a", field, -field.length, null) == 0, "json_read");
        check(new String(field, java.nio.charset.StandardCharsets.UTF_8).equals("x\u00fc   "), "field");
        check(LIBRARY.cbsvc_close(service, 1000) == 0, "close");
        check(LIBRARY.cbsvc_version_text().matches("\\d+\\.\\d+\\.\\d+"), "version");
    }

    public static void main(String[] arguments) throws Exception {
        String config = Files.readString(Path.of(arguments[0]));
        checkTexts(config, arguments[2]);
        Thread collector = new Thread(() -> {
            while (!Thread.currentThread().isInterrupted()) {
                System.gc();
            }
        });
        collector.start();
        check(LIBRARY.cbsvc_set_log(CallbackServiceLibrary.CBSVC_LOG_DEBUG, LOG, null) == 0, "log");
        PointerByReference poll = new PointerByReference();
        check(LIBRARY.cbsvc_json_set(config, "/handlers", "poll", poll) == 0, "json_set");
        Pointer service = open(LIBRARY.take(poll), null);
        int calls = Integer.parseInt(arguments[1]);
        System.out.println(runMany(service, calls) + " listed");
        check(LIBRARY.cbsvc_close(service, 1000) == 0, "close");
        check(LIBRARY.cbsvc_set_log(CallbackServiceLibrary.CBSVC_LOG_OFF, null, null) == 0, "log");
        collector.interrupt();
        collector.join();
        check(LINES.get() > calls, "the log lost lines");
    }
}
