import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

/**
 * Shows the next open slots, and books one for a caller.
 *
 * <pre>java -cp jna.jar:. Book CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]</pre>
 *
 * CONFIG_FILE holds a JSON object with at least dataURL. Without DESIRED_TIME, the first slot is booked. If NAME is a
 * hyphen, the name is the first line of standard input, in UTF-8 whatever the locale is. The exit status is 0 if the
 * callback is booked, 1 if it is not, and 2 if that is not known.
 */
public final class Book {
    private static final CallbackServiceLibrary LIBRARY = CallbackServiceLibrary.load();
    private static volatile int exitStatus = 1;

    private final CountDownLatch done = new CountDownLatch(1);
    private final Pointer service;
    private volatile long call;

    private Book(String config) throws IOException {
        PointerByReference opened = new PointerByReference();
        PointerByReference error = new PointerByReference();
        int status = LIBRARY.cbsvc_init(with(config, "/handlers", "poll"), null, null, opened, error);
        String message = LIBRARY.take(error);
        if (status != CallbackServiceLibrary.CBSVC_OK) {
            throw new IOException(message);
        }
        service = opened.getValue();
        // Ctrl-C ends the command, and the program when the outcome has said what became of the booking.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (done.getCount() == 0) {
                return;
            }
            LIBRARY.cbsvc_cancel(service, call);
            try {
                done.await();
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
            }
            Runtime.getRuntime().halt(exitStatus);
        }));
    }

    private static void check(int status, String what) throws IOException {
        if (status != CallbackServiceLibrary.CBSVC_OK) {
            throw new IOException(what + ": " + LIBRARY.cbsvc_status_name(status));
        }
    }

    /** The value of a JSON text at a pointer, or null. */
    private static String value(String json, String pointer) throws IOException {
        PointerByReference value = new PointerByReference();
        int status = LIBRARY.cbsvc_json_get(json, pointer, value);
        if (status != CallbackServiceLibrary.CBSVC_NO_SUCH) {
            check(status, pointer);
        }
        return LIBRARY.take(value);
    }

    /** The JSON text with a string at a pointer; null is an empty object. */
    private static String with(String json, String pointer, String value) throws IOException {
        PointerByReference changed = new PointerByReference();
        check(LIBRARY.cbsvc_json_set(json, pointer, value, changed), pointer);
        return LIBRARY.take(changed);
    }

    /** Runs a command and returns its outcome. The wait needs no limit: the call ends within ajaxTimeout. */
    private String run(String command, String options) throws IOException {
        LongByReference started = new LongByReference();
        check(LIBRARY.cbsvc_start(service, "CallbackService." + command, options, null, null, null, started), command);
        call = started.getValue();
        LongByReference completed = new LongByReference();
        PointerByReference event = new PointerByReference();
        PointerByReference outcome = new PointerByReference();
        String data;
        do {
            check(LIBRARY.cbsvc_next_event(service, -1, completed, event, outcome), command);
            LIBRARY.take(event);
            data = LIBRARY.take(outcome);
        } while (completed.getValue() != call);
        return data;
    }

    private static void showSlots(String heading, String outcome) throws IOException {
        IntByReference count = new IntByReference();
        check(LIBRARY.cbsvc_json_count(outcome, "/slots", count), "/slots");
        System.out.println(heading);
        for (int i = 0; i < Math.min(3, count.getValue()); i++) {
            String slot = value(outcome, "/slots/" + i);
            System.out.println("  " + value(slot, "/utcTime") + "  " + value(slot, "/capacity") + " free");
        }
    }

    /** Books the desired time, or the first slot if it is null, and returns the exit status. */
    private int book(String number, String name, String desiredTime) throws IOException {
        String found = run("availability", "{\"numberOfDays\":1,\"maxTimeSlots\":3}");
        if (!value(found, "/state").equals("resolved")) {
            System.err.println("no slots: " + value(found, "/error/message"));
            return 1;
        }
        showSlots("open:", found);
        String time = desiredTime != null ? desiredTime : value(found, "/slots/0/utcTime");
        if (time == null) {
            System.err.println("no slot is open");
            return 1;
        }
        String options = with(with(null, "/phonenumber", number), "/firstname", name);
        options = with(options, "/desiredtime", time);
        exitStatus = 2; // until the outcome says more
        String outcome = run("schedule", options);
        if (value(outcome, "/state").equals("resolved")) {
            System.out.println("booked " + time + " as " + value(outcome, "/id"));
            return 0;
        }
        System.err.println("not booked: " + value(outcome, "/error/message"));
        if (value(outcome, "/slots") != null) {
            showSlots("open instead:", outcome);
        }
        return "unknown".equals(value(outcome, "/error/booked")) ? 2 : 1;
    }

    private void close() {
        int status = LIBRARY.cbsvc_close(service, 1000);
        if (status != CallbackServiceLibrary.CBSVC_OK) {
            System.err.println("closing: " + LIBRARY.cbsvc_status_name(status));
        }
        done.countDown();
    }

    /** The name of the caller. With LC_ALL=C, Java replaces the umlauts of arguments by U+FFFD. */
    private static String readName(String argument) throws IOException {
        String name = argument;
        if (argument.equals("-")) {
            name = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
        }
        if (name == null || name.indexOf('\uFFFD') >= 0) {
            throw new IOException("the name cannot be read: is it in the encoding of the locale?");
        }
        return name;
    }

    public static void main(String[] arguments) {
        if (arguments.length < 3 || arguments.length > 4) {
            System.err.println("usage: Book CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]");
            System.exit(1);
        }
        try {
            String name = readName(arguments[2]);
            Book program = new Book(Files.readString(Path.of(arguments[0])));
            try {
                exitStatus = program.book(arguments[1], name, arguments.length == 4 ? arguments[3] : null);
            } finally {
                program.close();
            }
        } catch (IOException error) {
            System.err.println(error.getMessage());
        }
        System.exit(exitStatus);
    }
}
