// Runs many commands while the garbage collector runs all the time, with a handler of the log that throws; cancels
// some, and closes the service while commands run. No outcome may be lost.
//
//     mono Pressure.exe CONFIG_FILE CALLS

using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using CallbackService;

internal static class Pressure
{
    private static int lines;

    private static int Main(string[] arguments)
    {
        string config = File.ReadAllText(arguments[0]);
        int calls = int.Parse(arguments[1]);
        bool isDone = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        SetLog();
        int listed = 0, cancelled = 0;
        using (var service = new Service(config))
        {
            for (int done = 0; done < calls; done += 20)
            {
                var tasks = new List<Task<string>>();
                using (var source = new CancellationTokenSource())
                {
                    for (int i = 0; i < 20; i++)
                        tasks.Add(service.CommandAsync("availability", "{\"numberOfDays\":1}",
                            i == 0 ? source.Token : CancellationToken.None));
                    source.Cancel();
                    Count(tasks, ref listed, ref cancelled);
                }
            }
        }
        Console.WriteLine("{0} listed, {1} cancelled", listed, cancelled);
        var left = new List<Task<string>>();
        listed = cancelled = 0;
        using (var service = new Service(config))
            for (int i = 0; i < 100; i++)
                left.Add(service.CommandAsync("availability", "{\"numberOfDays\":1}"));
        foreach (Task<string> task in left)
            if (!task.IsCompleted)
                throw new Exception("a command has no outcome although the service is closed");
        Count(left, ref listed, ref cancelled);
        Console.WriteLine("{0} complete after closing", listed + cancelled);
        Service.SetLog(LogLevel.Off, null);
        Volatile.Write(ref isDone, true);
        collector.Join();
        Console.WriteLine(lines > calls ? "the log was called" : "the log lost lines");
        return 0;
    }

    // The delegate is reachable from nowhere but the binding.
    private static void SetLog()
    {
        Service.SetLog(LogLevel.Debug, (level, line) =>
        {
            if (Interlocked.Increment(ref lines) == 10)
                throw new Exception("planned");
        });
    }

    private static void Count(List<Task<string>> tasks, ref int listed, ref int cancelled)
    {
        foreach (Task<string> task in tasks)
        {
            try
            {
                if (Json.Get(task.GetAwaiter().GetResult(), "/state") == "resolved")
                    listed++;
            }
            catch (CallbackException error) when (error.Status == Status.Cancelled)
            {
                cancelled++;
            }
        }
    }
}
