"""The commands on callbacks and queues against the sandbox: their outcomes and events, and how often the server carried them
out. Each runs over the APIs that have it, blocking and started.
"""

from operations import NOW, NUMBER, SERVICES, Caller, Shared, control, later, over

OTHER_SERVER = """
[server.v1]
orchestration_fails = true
change_response = "empty"
id_query = "object"
unknown_id_query = "refuse"
unknown_id_status = 400
"""

UNKNOWN = "369-00000000-0000-4000-8000-000000000000"


class Callbacks(Shared):
    @over("v1", "v3")
    def test_cancel(self, caller):
        id = caller.book(later("10:00"))
        # An identifier of v3 is a UUID, whose case does not matter.
        asked = id.upper() if caller.api == "v3" else id
        self.assertEqual(caller.resolved("cancel", {"_id": asked})["callback"], {"id": asked})
        found = caller.callback(id)
        self.assertEqual((found["state"], found["reason"]), ("COMPLETED", "CANCELLED"))
        self.assertEqual(self.times("cancel", id), (1, 1))
        caller.rejected("cancel", {"id": id}, "REJECTED", cancelled="no", retryable=False)
        caller.rejected("cancel", {"id": UNKNOWN}, "NOT_FOUND", cancelled="no", field="id")
        caller.rejected("cancel", {"id": " "}, "BAD_OPTION", cancelled="no", field="id", attempts=0)
        caller.rejected("cancel", {"idd": id}, "BAD_OPTION", cancelled="no", field="idd", attempts=0)

    @over("v1")
    def test_reschedule(self, caller):
        id = caller.book(later("10:00"), userData={"a": "1", "b": "2", "c": "3"})
        moved = caller.resolved("reschedule", {"id": id, "desiredtime": "2030-01-09T12:15:00+01:00"})
        self.assertEqual(moved["callback"], {"id": id, "desiredTime": "2030-01-09T11:15:00.000Z"})
        self.assertEqual(caller.callback(id)["desiredTime"], "2030-01-09T11:15:00.000Z")
        changes = {"a": None, "b": "", "c": 1.50, "ü": True, "_customer_number": "+49 30 5"}
        self.assertEqual(caller.resolved("reschedule", {"id": id, "userData": changes})["callback"], {"id": id})
        outcome = caller.resolved("retrieve", {"id": id})
        [record] = outcome["response"]
        self.assertEqual({key: record.get(key) for key in "abcü"}, {"a": None, "b": None, "c": "1.5", "ü": "true"})
        self.assertEqual(outcome["callback"]["phoneNumber"], "+49 30 5")
        self.assertEqual(self.times("reschedule", id), (2, 2))

    @over("v1")
    def test_reschedule_that_the_server_refuses(self, caller):
        for _ in range(2):
            caller.book(later("10:00"))
        id = caller.book(later("12:00"))
        taken = {"id": id, "desiredtime": later("10:00")}
        full = caller.rejected("reschedule", taken, "SLOT_UNAVAILABLE", moved="no", serverCode=7041)
        proposed = [slot["utcTime"] for slot in full["slots"]]
        self.assertEqual((len(proposed), proposed[0]), (5, later("10:15")))
        self.assertEqual(caller.callback(id)["desiredTime"], later("12:00"))
        caller.resolved("reschedule", {"id": id, "desiredtime": proposed[0]})
        caller.rejected("reschedule", {"id": id, "desiredtime": "2030-01-07T09:00:00Z"}, "REJECTED", moved="no", serverCode=501)
        caller.rejected("reschedule", {"id": UNKNOWN, "desiredtime": later("10:30")}, "NOT_FOUND", moved="no", field="id")
        caller.rejected("reschedule", {"id": id, "desiredtime": "2030-01-08T10:30:00"}, "BAD_OPTION", moved="no", attempts=0)
        caller.resolved("cancel", {"id": id})
        caller.rejected("reschedule", {"id": id, "desiredtime": later("10:30")}, "REJECTED", moved="no")
        self.assertEqual(self.times("reschedule", id), (4, 1))

    @over("v1")
    def test_reschedule_to_a_time_at_which_the_office_is_closed(self, caller):
        caller = Caller(self, "v1", caller.mode, "support")
        id = caller.book(later("10:00"))
        evening = {"id": id, "desiredtime": later("17:00")}
        closed = caller.rejected("reschedule", evening, "SLOT_UNAVAILABLE", moved="no", serverCode=7042)
        self.assertEqual(len(closed["slots"]), 5)

    @over("v1", "v3")
    def test_retrieve(self, caller):
        id = caller.book(later("10:00"))
        found = caller.callback(id)
        known = {"id": id, "state": "SCHEDULED", "desiredTime": later("10:00"), "phoneNumber": NUMBER}
        self.assertEqual({key: found.get(key) for key in known}, known)
        if caller.api == "v1":
            self.assertEqual((found["serviceName"], found["expirationTime"]), ("samples", later("10:00").replace("08T", "09T")))
            self.assertTrue(found["url"].endswith(id), found)
        for time, state in [("09:59", "QUEUED"), ("10:01", "ROUTING"), ("10:02", "PROCESSING"), ("11:00", "COMPLETED")]:
            self.set_clock(later(time))
            self.assertEqual(caller.callback(id)["state"], state)
        caller.rejected("retrieve", {"id": UNKNOWN}, "NOT_FOUND", field="id")
        caller.rejected("retrieve", {"desiredtime": NOW}, "BAD_OPTION", field="desiredtime")

    @over("v1")
    def test_query(self, caller):
        streets = ["Königstraße 5", "Ring \"A\" & Söhne", "100% = ganz + gar"]
        ids = [caller.book(later("10:00"), userData={"straße": street, 'say "hi" & go': "+1"}) for street in streets[:2]]
        ids.append(Caller(self, "v1", caller.mode, "support").book(later("10:00")))
        other = caller.resolved("schedule", {"phonenumber": "+4930555", "userData": {"straße": streets[2]}})["id"]
        caller.resolved("cancel", {"id": ids[1]})
        for expected, data in [
            (ids[:2], {"phonenumber": NUMBER}),
            (ids[:2], {"phonenumber": "+1\u202d415\u00ad1110000"}),
            (ids, {"phonenumber": NUMBER, "allServices": True}),
            ([ids[0], ids[2]], {"phonenumber": NUMBER, "allServices": True, "state": "!COMPLETED"}),
            ([ids[0]], {"phonenumber": NUMBER, "state": "scheduled"}),
            ([ids[0]], {"_customer_number": NUMBER, "_callback_state": "!COMPLETED"}),
            ([ids[1]], {"phonenumber": NUMBER, "state": "COMPLETED", "operand": "and"}),
            ([ids[0], ids[1], other], {"phonenumber": NUMBER, "state": "QUEUED", "operand": "OR"}),
            ([ids[1], other], {"id": other, "state": "COMPLETED", "operand": "OR"}),
            ([ids[1]], {"id": ids[1]}),
            ([ids[2]], {"id": ids[2], "allServices": True}),
            ([], {"id": ids[2]}),
            ([], {"id": ids[0], "state": "QUEUED"}),
            ([ids[0]], {"keys": {"straße": streets[0]}}),
            ([ids[1]], {"keys": {"straße": streets[1], 'say "hi" & go': "+1"}}),
            ([other], {"keys": {"straße": streets[2], 'say "hi" & go': "+2"}, "operand": "OR"}),
            ([other], {"keys": {"straße": "!" + streets[0]}, "state": "!COMPLETED"}),
            ([], {"keys": {"straße": streets[0].upper()}}),
        ]:
            with self.subTest(data):
                self.assertEqual(caller.ids(data), set(expected))
        caller.rejected("query", {"keys": {"city": "Köln"}}, "REJECTED", serverCode=501)
        caller.rejected("query", {"state": "COMPLETD"}, "BAD_OPTION", field="state", attempts=0)
        caller.rejected("query", {"operand": "AND"}, "BAD_OPTION", field="phonenumber", attempts=0)

    @over("v1", "v3")
    def test_queue_position(self, caller):
        ids = [caller.book() for _ in range(2)]
        places = [caller.resolved("queuePosition", {"id": id})["callback"] for id in ids]
        found = {place["id"]: (place["positionInQueue"], place["estimatedWaitTime"]) for place in places}
        # One agent needs 130 seconds for each call.
        self.assertEqual(found, {ids[0]: (1, 130), ids[1]: (2, 260)})
        caller.resolved("cancel", {"id": ids[0]})
        self.assertEqual(caller.resolved("queuePosition", {"id": ids[1]})["callback"]["positionInQueue"], 1)
        caller.rejected("queuePosition", {"id": UNKNOWN}, "NOT_FOUND", field="id")
        if caller.api == "v1":
            caller.rejected("queuePosition", {"id": ids[0]}, "SERVER_ERROR")
        else:
            self.assertEqual(caller.resolved("queuePosition", {"id": ids[0]})["callback"]["state"], "COMPLETED")


class Queues(Shared):
    @over("v3")
    def test_estimated_wait_time(self, caller):
        caller.book()
        queues = ["VQ samples", "samples", "support", "unstaffed", "Ä&b=ü"]
        as_text = {"virtual-queues": ", ".join(queues), "mode": "mode3", "includeCallsOnHold": "true"}
        for data in [{"virtualQueues": queues}, as_text]:
            times = caller.resolved("estimatedWaitTime", data)["waitTimes"]
            for time in times:
                self.assertEqual("message" in time, time["resultCode"] != 0, time)
            self.assertEqual([(time["virtualQueue"], time["estimatedWaitTime"], time["resultCode"]) for time in times],
                             list(zip(queues, [130, 130, None, None, None], [0, 0, -1, -2, -1])))
        [request] = control(self.sandbox, "requests?max=1")
        self.assertTrue(request["target"].endswith("&mode=mode3&include-calls-on-hold=true"), request)
        for data, field in [({"mode": "mode1"}, "virtualQueues"), ({"virtualQueues": "a,,b"}, "virtualQueues"),
                            ({"virtualQueues": ["a,b"]}, "virtualQueues"), ({"virtualQueues": "a", "mode": "mode4"}, "mode")]:
            caller.rejected("estimatedWaitTime", data, "BAD_OPTION", field=field, attempts=0)

    @over("v3")
    def test_queue_status(self, caller):
        caller.book()
        is_open = {"estimatedWaitTime": 130, "offerImmediateCallback": True, "offerScheduledCallback": True}
        for data in [{"queueName": "VQ samples"}, {"serviceName": "samples"}, {"queueName": None}]:
            self.assertEqual(caller.resolved("queueStatus", data)["queue"], is_open)
        status = caller.resolved("queueStatus", {"queueName": "unstaffed"})["queue"]
        self.assertEqual(status, {"estimatedWaitTime": None, "offerImmediateCallback": False, "offerScheduledCallback": False})
        self.set_clock(later("20:00"))
        status = caller.resolved("queueStatus", {"queueName": "support"})["queue"]
        self.assertEqual((status["offerImmediateCallback"], status["offerScheduledCallback"]), (False, True))
        caller.rejected("queueStatus", {"queueName": "nothing"}, "REJECTED", serverCode=7040, field="queueName")

    @over("v3")
    def test_open_for(self, caller):
        hour, week = 3600, 7 * 86400
        for seconds, data in [
            (6.5 * hour, {"serviceName": "support"}),
            (7 * hour, {"serviceName": "support", "startDate": later("10:00")}),
            (6 * hour, {"serviceName": "support", "start": "2030-01-08T12:00", "timezone": "Europe/Berlin"}),
            (0, {"serviceName": "support", "startDate": later("17:00")}),
            (week, {"serviceName": None}),
        ]:
            with self.subTest(data):
                self.assertEqual(caller.resolved("openFor", data)["openForSeconds"], seconds)
        caller.rejected("openFor", {"startDate": "2030-01-08T12:00"}, "BAD_OPTION", field="startDate", attempts=0)
        caller.rejected("openFor", {"serviceName": "nothing"}, "REJECTED", serverCode=7040, field="serviceName")

    @over("v3")
    def test_call_in(self, caller):
        data = {"groupName": "VQ samples", "fromPhoneNumber": NUMBER, "callbackServiceId": "samples",
                "userData": {"topic": "Größe \"XL\""}}
        call = caller.resolved("callIn", data)["callIn"]
        self.assertEqual((call["toPhoneNumber"], call["fromPhoneNumber"]), ("+15550100", NUMBER))
        self.assertRegex(call["accessCode"], r"^\d{5}$")
        self.assertEqual(self.times("callIn", NUMBER), (1, 1))
        caller.resolved("callIn", {"groupName": "support"})
        self.assertEqual(self.times("callIn", "support"), (1, 1))
        caller.rejected("callIn", {"groupName": "g", "callbackServiceId": "nothing"}, "REJECTED", created="no", serverCode=7040)
        caller.rejected("callIn", {"fromPhoneNumber": NUMBER}, "BAD_OPTION", created="no", field="groupName", attempts=0)


class LostResponses(Shared):
    """The server does what it is asked, and the caller does not hear of it."""

    LOSSES = [
        {"reset": "after"},
        {"carryOut": True, "status": 502, "body": "<html>"},
        {"carryOut": True, "delayMs": 3000},
    ]
    DEADLINE_MS = 500

    WARNINGS = {
        "cancelled": "; the callback may have been cancelled",
        "moved": "; the callback may have been moved",
        "created": "; the call-in request may have been created",
    }

    def lose(self, caller, name, member, prepare, check):
        """Runs a command whose response is lost: it must be sent once, and the outcome must say that it may have been done.

        `prepare` returns what the command is about and its data; `check` receives it, and whether the server has done it.
        """
        for fault in [{"reset": "before"}, {"status": 503, "body": "<html>"}, *self.LOSSES]:
            with self.subTest(name, **fault):
                subject, data = prepare(caller)
                self.inject(operation=name, **fault)
                caller.service.configure({"ajaxTimeout": self.DEADLINE_MS if "delayMs" in fault else None})
                error = caller.run(name, data)["error"]
                caller.service.configure({"ajaxTimeout": None})
                self.assertEqual((error[member], error["attempts"], error["retryable"]), ("unknown", 1, False), error)
                self.assertTrue(error["message"].endswith(self.WARNINGS[member]), error)
                self.assertEqual(self.times(name, subject), (1, int(fault in self.LOSSES)))
                check(caller, subject, fault in self.LOSSES)

    @over("v1", "v3")
    def test_cancel(self, caller):
        def prepare(caller):
            id = caller.book()
            return id, {"id": id}

        def check(caller, id, is_done):
            self.assertEqual(caller.callback(id).get("reason"), "CANCELLED" if is_done else None)

        self.lose(caller, "cancel", "cancelled", prepare, check)

    @over("v1")
    def test_reschedule(self, caller):
        hours = iter(range(9, 23, 2))

        def prepare(caller):
            hour = next(hours)
            id = caller.book(later(f"{hour:02}:00"))
            return id, {"id": id, "desiredtime": later(f"{hour:02}:30")}

        def check(caller, id, is_done):
            self.assertEqual(caller.callback(id)["desiredTime"][13:16], ":30" if is_done else ":00")

        self.lose(caller, "reschedule", "moved", prepare, check)

    @over("v3")
    def test_call_in(self, caller):
        groups = iter("abcde")

        def prepare(_):
            group = next(groups)
            return group, {"groupName": group}

        self.lose(caller, "callIn", "created", prepare, lambda *_: None)

    @over("v1", "v3")
    def test_lookups_are_repeated(self, caller):
        id = caller.book()
        names = {"v1": {"retrieve": {"id": id}, "query": {"id": id, "state": "QUEUED"}, "queuePosition": {"id": id}},
                 "v3": {"retrieve": {"id": id}, "estimatedWaitTime": {"virtualQueues": "samples"},
                        "queueStatus": {"queueName": "samples"}, "openFor": {"serviceName": "samples"}}}
        for name, data in names[caller.api].items():
            for fault in [{"reset": "after"}, {"reset": "before"}, {"status": 503}]:
                with self.subTest(name, **fault):
                    self.inject(operation=name, **fault)
                    caller.resolved(name, data)
                    self.assertEqual(control(self.sandbox, "faults")[-1]["hits"], 1)


class OtherServer(Shared):
    """A v1 server that differs in what the configuration of the sandbox offers."""

    CONFIGURATION = OTHER_SERVER + SERVICES

    @over("v1")
    def test_session_that_cannot_be_reached(self, caller):
        id = caller.book()
        caller.rejected("cancel", {"id": id}, "REJECTED", cancelled="no")
        caller.rejected("cancel", {"id": id, "discardOrsFailure": False}, "REJECTED", cancelled="no")
        caller.rejected("queuePosition", {"id": id}, "SERVER_ERROR")
        outcome = caller.resolved("cancel", {"id": id, "discardOrsFailure": True})
        self.assertEqual((outcome["callback"], outcome["response"]), ({"id": id}, None))
        self.assertEqual(self.times("cancel", id), (3, 1))

    @over("v1")
    def test_records_and_unknown_callbacks(self, caller):
        id = caller.book(later("10:00"))
        outcome = caller.resolved("reschedule", {"id": id, "desiredtime": later("11:00")})
        self.assertEqual((outcome["callback"], outcome["response"]), ({"id": id, "desiredTime": later("11:00")}, None))
        self.assertEqual(caller.callback(id)["desiredTime"], later("11:00"))
        self.assertEqual(caller.ids({"id": id}), {id})
        self.assertEqual(caller.ids({"id": UNKNOWN, "state": "QUEUED"}), set())
        for name in ["cancel", "retrieve", "query"]:
            caller.rejected(name, {"id": UNKNOWN}, "REJECTED", serverCode=501)


del Shared  # what the classes share, not a test of its own
