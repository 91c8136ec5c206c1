"""Lists the open slots of a contact center, books one, and shows a refusal as a person would want to see it.

    quickstart.py v1|v3 BASE_URL

BASE_URL is scheme, host and port of a server, such as a running callback-sandbox.
"""

import sys
from datetime import datetime, timedelta, timezone

from callbackservice import Service, SlotUnavailable


def configuration(api_version, base):
    if api_version == "v3":
        return {
            "apiVersion": "v3",
            "dataURL": f"{base}/engagement/v3",
            "apikey": "sandbox-key",
            "serviceName": "samples",
        }
    return {"apiVersion": "v1", "dataURL": f"{base}/genesys/1/service/callback/samples"}


def print_slots(slots):
    print(f"  {'time (UTC)':26} places")
    for slot in slots:
        print(f"  {slot.utc_time:%Y-%m-%d %H:%M}           {slot.capacity or '':>6}")


def main(api_version, base):
    print(f"Opening the service over {api_version}")
    with Service(configuration(api_version, base)) as service:
        booked = []

        @service.on("ready", "availableSlots", "scheduled", "scheduleError")
        def show(event):
            print(f"  event: {event.name}")
            if event.name == "scheduled":
                booked.append(event.result.id)

        print("\nOpen slots")
        start = datetime.now(timezone.utc) + timedelta(hours=1)
        slots = service.availability(start_date=start, number_of_days=1, max_time_slots=8).slots
        print_slots(slots)
        first = slots[0]

        print("\nBooking the first one, again and again, until somebody comes too late")
        try:
            for _ in range(first.capacity + 1):
                service.schedule(phone_number="+14151110000", desired_time=first.utc_time)
        except SlotUnavailable as refusal:
            print(f"\nSorry, {first.utc_time:%H:%M} is no longer free. The contact center offers instead:")
            print_slots(refusal.slots[:3])
    print(f"\n{len(booked)} booked over {api_version}\n")
    return 0 if len(booked) == first.capacity else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: quickstart.py v1|v3 BASE_URL")
    sys.exit(main(*sys.argv[1:]))
