import com.sun.jna.Callback;
import com.sun.jna.DefaultTypeMapper;
import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ToNativeContext;
import com.sun.jna.ToNativeConverter;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/**
 * The functions and constants of callbackservice.h for JNA.
 *
 * <p>{@link #take} copies and frees a text of an out parameter. Texts that functions return are constant.
 *
 * <p>Open services with {@code "handlers":"poll"} and take events with {@link #cbsvc_next_event}. JNA frees the C
 * function of a handler when the garbage collector collects the Java object, and events are lost without an error:
 * keep every handler in a static field until it cannot be called any more.
 */
public interface CallbackServiceLibrary extends Library {
    /** Loads the library. The full name is needed where only the files of the run-time package are installed. */
    static CallbackServiceLibrary load() {
        DefaultTypeMapper mapper = new DefaultTypeMapper();
        mapper.addToNativeConverter(String.class, new Utf8());
        // Without the encoding, JNA uses that of the locale: with LC_ALL=C, an umlaut becomes a question mark.
        return Native.load("libcallbackservice.so.1", CallbackServiceLibrary.class,
            Map.of(OPTION_STRING_ENCODING, "UTF-8", OPTION_TYPE_MAPPER, mapper));
    }

    /** Copies a text that the library returned in an out parameter, and frees it; null if there is none. */
    default String take(PointerByReference text) {
        Pointer pointer = text.getValue();
        try {
            return pointer == null ? null : pointer.getString(0, "UTF-8");
        } finally {
            cbsvc_string_free(pointer);
        }
    }

    /** Handler of events and log lines. JNA prints an exception that leaves it, and the library does not notice. */
    interface Handler extends Callback {
        void invoke(String event, String data, Pointer userData);
    }

    /** Destructor of user data. */
    interface Release extends Callback {
        void invoke(Pointer userData);
    }

    /** Converts texts; throws where JNA would cut one at U+0000, or replace half a surrogate pair. */
    class Utf8 implements ToNativeConverter {
        @Override
        public Object toNative(Object value, ToNativeContext context) {
            String text = (String) value;
            if (text == null) {
                return null;
            }
            if (text.indexOf('\0') >= 0) {
                throw new IllegalArgumentException("a text for the library holds U+0000");
            }
            try {
                ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text + '\0'));
                return Arrays.copyOf(encoded.array(), encoded.limit());
            } catch (CharacterCodingException error) {
                throw new IllegalArgumentException("a text for the library holds half a surrogate pair", error);
            }
        }

        @Override
        public Class<?> nativeType() {
            return byte[].class;
        }
    }

    int CBSVC_HEADER_VERSION = 256;
    int CBSVC_LOG_OFF = 0;
    int CBSVC_LOG_ERROR = 1;
    int CBSVC_LOG_WARNING = 2;
    int CBSVC_LOG_INFO = 3;
    int CBSVC_LOG_DEBUG = 4;
    int CBSVC_OK = 0;
    int CBSVC_NULL_ARGUMENT = 101;
    int CBSVC_BAD_HANDLE = 102;
    int CBSVC_NOT_UTF8 = 103;
    int CBSVC_NOT_JSON = 104;
    int CBSVC_CONFIG = 105;
    int CBSVC_UNKNOWN_COMMAND = 106;
    int CBSVC_NO_DATA = 107;
    int CBSVC_BAD_OPTION = 108;
    int CBSVC_UNSUPPORTED = 109;
    int CBSVC_BUFFER_TOO_SMALL = 110;
    int CBSVC_CLOSED = 201;
    int CBSVC_REENTRANT = 202;
    int CBSVC_WRONG_MODE = 203;
    int CBSVC_BUSY = 204;
    int CBSVC_NO_SUCH = 205;
    int CBSVC_TIMEOUT = 301;
    int CBSVC_CANCELLED = 302;
    int CBSVC_EXPIRED = 303;
    int CBSVC_DNS = 401;
    int CBSVC_CONNECT = 402;
    int CBSVC_TLS = 403;
    int CBSVC_PROXY = 404;
    int CBSVC_PROTOCOL = 405;
    int CBSVC_TOO_LARGE = 406;
    int CBSVC_REJECTED = 501;
    int CBSVC_SLOT_UNAVAILABLE = 502;
    int CBSVC_UNAUTHORIZED = 503;
    int CBSVC_RATE_LIMITED = 504;
    int CBSVC_SERVER_ERROR = 505;
    int CBSVC_NOT_FOUND = 506;
    int CBSVC_PANIC = 901;
    int CBSVC_INTERNAL = 902;
    int CBSVC_STORAGE = 903;

    int cbsvc_init(String config, Handler onEvent, Pointer userData, PointerByReference service,
        PointerByReference error);

    int cbsvc_configure(Pointer service, String config, PointerByReference error);

    int cbsvc_close(Pointer service, int timeoutMs);

    int cbsvc_schedule(Pointer service, String data, PointerByReference outcome);

    int cbsvc_availability(Pointer service, String query, PointerByReference outcome);

    int cbsvc_command(Pointer service, String name, String data, PointerByReference outcome);

    int cbsvc_start(Pointer service, String name, String data, Handler done, Pointer userData, Release release,
        LongByReference call);

    int cbsvc_cancel(Pointer service, long call);

    int cbsvc_dispatch(Pointer service, int timeoutMs);

    int cbsvc_next_event(Pointer service, int timeoutMs, LongByReference call, PointerByReference event,
        PointerByReference data);

    int cbsvc_waitable(Pointer service, PointerByReference waitable);

    int cbsvc_subscribe(Pointer service, String event, Handler handler, Pointer userData, Release release,
        LongByReference subscription);

    int cbsvc_unsubscribe(Pointer service, long subscription);

    int cbsvc_json_get(String json, String pointer, PointerByReference value);

    int cbsvc_json_read(String json, String pointer, byte[] buffer, int size, IntByReference needed);

    int cbsvc_json_count(String json, String pointer, IntByReference count);

    int cbsvc_json_set(String json, String pointer, String value, PointerByReference result);

    int cbsvc_diagnostics(PointerByReference json);

    int cbsvc_set_log(int level, Handler handler, Pointer userData);

    String cbsvc_status_name(int status);

    void cbsvc_string_free(Pointer text);

    int cbsvc_version();

    String cbsvc_version_text();
}
