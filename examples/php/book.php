#!/usr/bin/env php
<?php
/*
 * Shows the next open slots, and books one for a caller.
 *
 *     php book.php CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]
 *
 * CONFIG_FILE holds a JSON object with at least dataURL. Without DESIRED_TIME, the first slot is booked.
 * The exit status is 0 if the callback is booked, 1 if it is not, and 2 if that is not known.
 */
declare(strict_types=1);

require __DIR__ . '/CallbackService.php';

function show(string $heading, array $slots): void
{
    echo "$heading\n";
    foreach (array_slice($slots, 0, 3) as $slot) {
        printf("  %s  %s free\n", $slot['utcTime'], $slot['capacity'] ?? '?');
    }
}

function complain(string $text): void
{
    fwrite(STDERR, "$text\n");
}

function book(CallbackService $service, string $number, string $name, ?string $time): int
{
    $found = $service->call('availability', ['numberOfDays' => 1, 'maxTimeSlots' => 3]);
    if (isset($found['error'])) {
        complain("no slots: {$found['error']['message']}");
        return 1;
    }
    show('open:', $found['slots']);
    $time ??= $found['slots'][0]['utcTime'] ?? null;
    if ($time === null) {
        complain('no slot is open');
        return 1;
    }
    $booking = $service->call('schedule', ['phonenumber' => $number, 'firstname' => $name, 'desiredtime' => $time]);
    if (!isset($booking['error'])) {
        echo "booked $time as {$booking['id']}\n";
        return 0;
    }
    complain("not booked: {$booking['error']['message']}");
    if (isset($booking['slots'])) {
        show('open instead:', $booking['slots']);
    }
    return ($booking['error']['booked'] ?? null) === 'unknown' ? 2 : 1;
}

if ($argc !== 4 && $argc !== 5) {
    complain('usage: php book.php CONFIG_FILE PHONE_NUMBER NAME [DESIRED_TIME]');
    exit(1);
}
if (!is_readable($argv[1])) {
    complain("{$argv[1]} cannot be read");
    exit(1);
}
try {
    $service = new CallbackService(file_get_contents($argv[1]));
} catch (FFI\Exception | CallbackServiceException $exception) {
    complain($exception->getMessage());
    exit(1);
}
$status = 1;
try {
    $status = book($service, $argv[2], $argv[3], $argv[4] ?? null);
} catch (JsonException | CallbackServiceException $exception) {
    complain($exception->getMessage());
} finally {
    foreach ($service->close() as $left) {
        complain('left behind: ' . ($left['id'] ?? $left['error']['message'] ?? 'done'));
        $status = 2;
    }
}
exit($status);
