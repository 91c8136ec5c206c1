// The functions of callbackservice.h for .NET, and a class that turns poll mode into tasks.
//
// Needs libcallbackservice.so.1 only. Compile with mcs or csc; there is nothing to configure.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace CallbackService
{
    /// <summary>The result of a function; the hundreds digit is its class.</summary>
    public enum Status
    {
        Ok = 0,
        NullArgument = 101,
        BadHandle = 102,
        NotUtf8 = 103,
        NotJson = 104,
        Config = 105,
        UnknownCommand = 106,
        NoData = 107,
        BadOption = 108,
        Unsupported = 109,
        BufferTooSmall = 110,
        Closed = 201,
        Reentrant = 202,
        WrongMode = 203,
        Busy = 204,
        NoSuch = 205,
        Timeout = 301,
        Cancelled = 302,
        Expired = 303,
        Dns = 401,
        Connect = 402,
        Tls = 403,
        Proxy = 404,
        Protocol = 405,
        TooLarge = 406,
        Rejected = 501,
        SlotUnavailable = 502,
        Unauthorized = 503,
        RateLimited = 504,
        ServerError = 505,
        NotFound = 506,
        Panic = 901,
        Internal = 902,
        Storage = 903
    }

    /// <summary>How much the log tells.</summary>
    public enum LogLevel
    {
        Off = 0,
        Error = 1,
        Warning = 2,
        Info = 3,
        Debug = 4
    }

    /// <summary>The functions of the header, with its names.</summary>
    /// <remarks>
    /// Texts are UTF-8 with a NUL: Native.Utf8 makes one. A string would be marshalled in the encoding of the system,
    /// and cut at U+0000. A text that a function returns is an IntPtr: with the type string, .NET would free it.
    /// The garbage collector does not know that the library has a delegate: keep every Handler and Release in a field
    /// until it cannot be called any more. An exception must not leave them.
    /// </remarks>
    internal static class NativeMethods
    {
        private const string Library = "libcallbackservice.so.1";

        internal const uint HeaderVersion = 0x000100;

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void Handler(IntPtr @event, IntPtr data, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void Release(IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_init(byte[] config, Handler onEvent, IntPtr userData, out IntPtr service,
            out IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_configure(IntPtr service, byte[] config, out IntPtr error);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_close(IntPtr service, int timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_schedule(IntPtr service, byte[] data, out IntPtr outcome);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_availability(IntPtr service, byte[] query, out IntPtr outcome);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_command(IntPtr service, byte[] name, byte[] data, out IntPtr outcome);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_start(IntPtr service, byte[] name, byte[] data, Handler done,
            IntPtr userData, Release release, out ulong call);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_cancel(IntPtr service, ulong call);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_dispatch(IntPtr service, int timeoutMs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_next_event(IntPtr service, int timeoutMs, out ulong call,
            out IntPtr @event, out IntPtr data);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_waitable(IntPtr service, out IntPtr waitable);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_subscribe(IntPtr service, byte[] @event, Handler handler,
            IntPtr userData, Release release, out ulong subscription);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_unsubscribe(IntPtr service, ulong subscription);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_json_get(byte[] json, byte[] pointer, out IntPtr value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_json_read(byte[] json, byte[] pointer, [Out] byte[] buffer, int size,
            out int needed);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_json_count(byte[] json, byte[] pointer, out uint count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_json_set(byte[] json, byte[] pointer, byte[] value, out IntPtr result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_diagnostics(out IntPtr json);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern Status cbsvc_set_log(int level, Handler handler, IntPtr userData);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr cbsvc_status_name(Status status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void cbsvc_string_free(IntPtr text);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint cbsvc_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr cbsvc_version_text();
    }

    /// <summary>Texts of the library.</summary>
    internal static class Native
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>A text for the library; throws rather than cutting or changing it.</summary>
        internal static byte[] Utf8(string text)
        {
            if (text == null)
                return null;
            if (text.IndexOf('\0') >= 0)
                throw new ArgumentException("a text for the library holds U+0000");
            return Strict.GetBytes(text + '\0');
        }

        /// <summary>Copies a constant text of the library.</summary>
        internal static string Text(IntPtr text)
        {
            if (text == IntPtr.Zero)
                return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0)
                length++;
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Strict.GetString(bytes);
        }

        /// <summary>Copies a text that the library returned in an out parameter, and frees it.</summary>
        internal static string Take(IntPtr text)
        {
            try
            {
                return Text(text);
            }
            finally
            {
                NativeMethods.cbsvc_string_free(text);
            }
        }

        internal static string Name(Status status)
        {
            return Text(NativeMethods.cbsvc_status_name(status));
        }

        internal static void Check(Status status, string what)
        {
            if (status != Status.Ok)
                throw new CallbackException(status, what + ": " + Name(status), null);
        }
    }

    /// <summary>A function has failed, or a command was rejected or cancelled.</summary>
    public sealed class CallbackException : Exception
    {
        internal CallbackException(Status status, string message, string outcome) : base(message)
        {
            Status = status;
            Outcome = outcome;
        }

        public Status Status { get; }

        /// <summary>The outcome of the command as JSON; null if it has not started.</summary>
        public string Outcome { get; }

        /// <summary>Whether the server may have booked, although nobody knows: do not book again.</summary>
        public bool MayBeBooked => Outcome != null && Json.Get(Outcome, "/error/booked") == "unknown";
    }

    /// <summary>Reads and writes JSON texts with JSON Pointers, such as /slots/0/utcTime.</summary>
    public static class Json
    {
        /// <summary>The value at the pointer; null if there is none.</summary>
        public static string Get(string json, string pointer)
        {
            IntPtr value;
            Status status = NativeMethods.cbsvc_json_get(Native.Utf8(json), Native.Utf8(pointer), out value);
            if (status == Status.NoSuch)
                return null;
            Native.Check(status, pointer);
            return Native.Take(value);
        }

        /// <summary>The number of elements of an array or members of an object; 0 if there is none.</summary>
        public static int Count(string json, string pointer)
        {
            uint count;
            Status status = NativeMethods.cbsvc_json_count(Native.Utf8(json), Native.Utf8(pointer), out count);
            if (status != Status.NoSuch)
                Native.Check(status, pointer);
            return checked((int)count);
        }

        /// <summary>A copy of the text, or of {} for null, with a string at the pointer; without it for null.</summary>
        public static string Set(string json, string pointer, string value)
        {
            IntPtr result;
            Native.Check(NativeMethods.cbsvc_json_set(
                Native.Utf8(json), Native.Utf8(pointer), Native.Utf8(value), out result), pointer);
            return Native.Take(result);
        }
    }

    /// <summary>
    /// An open service. It is in poll mode: a thread of .NET waits for what is complete, so that the library never
    /// calls managed code, except the handler of the log.
    /// </summary>
    public sealed class Service : IDisposable
    {
        // The library may call a handler of the log that has been replaced: they stay alive as long as the process.
        private static readonly List<NativeMethods.Handler> LogHandlers = new List<NativeMethods.Handler>();

        private readonly Dictionary<ulong, TaskCompletionSource<string>> pending =
            new Dictionary<ulong, TaskCompletionSource<string>>();
        private readonly IntPtr handle;
        private readonly Thread pump;
        private bool disposed;

        /// <summary>Opens a service with a configuration, a JSON object.</summary>
        public Service(string config)
        {
            IntPtr error;
            Status status = NativeMethods.cbsvc_init(
                Native.Utf8(Json.Set(config, "/handlers", "poll")), null, IntPtr.Zero, out handle, out error);
            string message = Native.Take(error);
            if (status != Status.Ok)
                throw new CallbackException(status, message ?? Native.Name(status), null);
            pump = new Thread(Pump) { IsBackground = true, Name = "callbackservice" };
            pump.Start();
        }

        /// <summary>The version of the library.</summary>
        public static string Version => Native.Text(NativeMethods.cbsvc_version_text());

        /// <summary>The state of the library as JSON, for troubleshooting.</summary>
        public static string Diagnostics()
        {
            IntPtr json;
            Native.Check(NativeMethods.cbsvc_diagnostics(out json), "diagnostics");
            return Native.Take(json);
        }

        /// <summary>Sends the log of the library to a handler, which gets the level and a line.</summary>
        public static void SetLog(LogLevel level, Action<string, string> handler)
        {
            NativeMethods.Handler native = (name, line, data) =>
            {
                try
                {
                    handler(Native.Text(name), Native.Text(line));
                }
                catch (Exception error)
                {
                    // It must not reach the library, in whose function this handler runs.
                    Console.Error.WriteLine("the handler of the log failed: " + error.Message);
                }
            };
            lock (LogHandlers)
                LogHandlers.Add(native);
            Native.Check(NativeMethods.cbsvc_set_log((int)level, handler == null ? null : native, IntPtr.Zero), "log");
        }

        /// <summary>Changes the configuration of the commands that follow.</summary>
        public void Configure(string config)
        {
            IntPtr error;
            Status status = NativeMethods.cbsvc_configure(handle, Native.Utf8(config), out error);
            string message = Native.Take(error);
            if (status != Status.Ok)
                throw new CallbackException(status, message ?? Native.Name(status), null);
        }

        /// <summary>
        /// Runs a command, such as "schedule". The task has the outcome as JSON, or a CallbackException with it. A
        /// command that is cancelled while it runs may have reached the server: its CallbackException has the outcome.
        /// </summary>
        public Task<string> CommandAsync(
            string command, string options, CancellationToken cancellation = default(CancellationToken))
        {
            if (cancellation.IsCancellationRequested)
                return Task.FromCanceled<string>(cancellation);
            // Continuations must not run on the thread that takes the completions.
            var source = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            ulong call = 0;
            // Registered first, because this can fail, and must not when the call has started.
            CancellationTokenRegistration registration = cancellation.Register(() => Cancel(ref call));
            try
            {
                lock (pending)
                {
                    Native.Check(NativeMethods.cbsvc_start(handle, Native.Utf8("CallbackService." + command),
                        Native.Utf8(options), null, IntPtr.Zero, null, out call), command);
                    pending.Add(call, source);
                }
            }
            catch
            {
                registration.Dispose();
                throw;
            }
            if (cancellation.IsCancellationRequested)
                Cancel(ref call);
            source.Task.ContinueWith(_ => registration.Dispose(), TaskScheduler.Default);
            return source.Task;
        }

        /// <summary>Runs a command and waits for it.</summary>
        public string Command(
            string command, string options, CancellationToken cancellation = default(CancellationToken))
        {
            return CommandAsync(command, options, cancellation).GetAwaiter().GetResult();
        }

        /// <summary>Cancels what is running, waits until every task has its outcome, and closes the service.</summary>
        public void Dispose()
        {
            if (Thread.CurrentThread == pump)
                throw new InvalidOperationException("a handler of the log must not close the service");
            lock (pending)
            {
                if (disposed)
                    return;
                disposed = true;
            }
            // While completions wait for the other thread, the service stays open, and the status is BUSY.
            Status status = NativeMethods.cbsvc_close(handle, -1);
            pump.Join();
            if (status == Status.Busy)
                status = NativeMethods.cbsvc_close(handle, -1);
            Native.Check(status, "closing");
        }

        private void Cancel(ref ulong call)
        {
            // NO_SUCH means that the call is complete or has not started, and BAD_HANDLE that the service is closed.
            lock (pending)
                NativeMethods.cbsvc_cancel(handle, call);
        }

        private void Pump()
        {
            ulong call;
            IntPtr name, data;
            Status status;
            while ((status = NativeMethods.cbsvc_next_event(handle, -1, out call, out name, out data)) == Status.Ok)
            {
                NativeMethods.cbsvc_string_free(name);
                Complete(call, Native.Take(data));
            }
            lock (pending)
            {
                // Empty after CLOSED. After any other status nobody knows what became of the commands.
                foreach (TaskCompletionSource<string> source in pending.Values)
                    source.TrySetException(new CallbackException(status, "waiting: " + Native.Name(status),
                        "{\"error\":{\"booked\":\"unknown\"}}"));
                pending.Clear();
            }
        }

        private void Complete(ulong call, string outcome)
        {
            TaskCompletionSource<string> source;
            lock (pending)
            {
                // The event ready belongs to no call.
                if (!pending.TryGetValue(call, out source))
                    return;
                pending.Remove(call);
            }
            string status = Json.Get(outcome, "/error/status");
            if (status == null)
                source.SetResult(outcome);
            else
                source.SetException(new CallbackException((Status)int.Parse(status, CultureInfo.InvariantCulture),
                    Json.Get(outcome, "/error/message"), outcome));
        }
    }
}
