// Shows the next open slots, and books one for a caller.
//
//     mono Book.exe CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]
//
// CONFIG_FILE holds a JSON object with at least dataURL. Without DESIRED_TIME, the first slot is booked.
// The exit status is 0 if the callback is booked, 1 if it is not, and 2 if that is not known.
//
// Compile with mcs -out:Book.exe Book.cs CallbackService.cs

using System;
using System.IO;
using System.Threading;
using CallbackService;

internal static class Book
{
    private static int Main(string[] arguments)
    {
        if (arguments.Length != 3 && arguments.Length != 4)
        {
            Console.Error.WriteLine("usage: Book CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]");
            return 1;
        }
        using (var interrupted = new CancellationTokenSource())
        {
            // Ctrl-C ends the command, not the program: the outcome says what became of the booking.
            Console.CancelKeyPress += (sender, key) => { key.Cancel = true; interrupted.Cancel(); };
            try
            {
                using (var service = new Service(File.ReadAllText(arguments[0])))
                    return BookCallback(service, interrupted.Token, arguments);
            }
            catch (Exception error) when (
                error is CallbackException || error is IOException || error is OperationCanceledException)
            {
                Console.Error.WriteLine(error.Message);
                return 1;
            }
        }
    }

    private static int BookCallback(Service service, CancellationToken interrupted, string[] arguments)
    {
        string what = "no slots: ";
        try
        {
            string found = service.Command("availability", "{\"numberOfDays\":1,\"maxTimeSlots\":3}", interrupted);
            ShowSlots("open:", found);
            string time = arguments.Length == 4 ? arguments[3] : Json.Get(found, "/slots/0/utcTime");
            if (time == null)
            {
                Console.Error.WriteLine("no slot is open");
                return 1;
            }
            what = "not booked: ";
            string options = Json.Set(null, "/phonenumber", arguments[1]);
            options = Json.Set(options, "/firstname", arguments[2]);
            options = Json.Set(options, "/desiredtime", time);
            string outcome = service.Command("schedule", options, interrupted);
            Console.WriteLine("booked {0} as {1}", time, Json.Get(outcome, "/id"));
            return 0;
        }
        catch (CallbackException refusal) when (refusal.Outcome != null)
        {
            Console.Error.WriteLine(what + refusal.Message);
            if (Json.Get(refusal.Outcome, "/slots") != null)
                ShowSlots("open instead:", refusal.Outcome);
            return refusal.MayBeBooked ? 2 : 1;
        }
    }

    private static void ShowSlots(string heading, string outcome)
    {
        Console.WriteLine(heading);
        int count = Math.Min(3, Json.Count(outcome, "/slots"));
        for (int i = 0; i < count; i++)
            Console.WriteLine("  {0}  {1} free",
                Json.Get(outcome, "/slots/" + i + "/utcTime"), Json.Get(outcome, "/slots/" + i + "/capacity"));
    }
}
