"""Tests for `twisted_ticker.logs`: what is written, and what `twistd` and `twist` are told to write with."""

from __future__ import annotations

import json
import sys
import syslog
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.application.app import AppLogger
from twisted.application.service import Application, MultiService
from twisted.application.twist._options import TwistOptions
from twisted.logger import (
    ILogObserver,
    LogEvent,
    Logger,
    LogPublisher,
    formatEventAsClassicLogText,
    globalLogBeginner,
)
from twisted.python.failure import Failure
from twisted.python.syslog import SyslogObserver
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_ticker.logs import LoggedApplication, json_line, text_line

TOKEN = "gAAAAABoZ-_" + "x1" * 40
ADDRESS = f"/signalr/poll?connectionToken={TOKEN}&x=y"


def event_of(log: Callable[[Logger], Any]) -> LogEvent:
    """The event that something logs."""
    events: list[LogEvent] = []
    log(Logger(namespace="probe", observer=LogPublisher(events.append)))
    [event] = events
    return {**event, "log_time": 1_500_000_000.1234}


def failure() -> Failure:
    """Something that went wrong, and tells a token in what it says."""
    try:
        raise ValueError(f"no such thing as {ADDRESS}")
    except ValueError:
        return Failure()


class TextLineTests(SynchronousTestCase):
    """Tests for `text_line`."""

    def test_the_line_of_twistd(self) -> None:
        """It is what twistd itself would write."""
        for log in (
            lambda logger: logger.info("Serving {url}", url="http://x/"),
            lambda logger: logger.warn("Two\nlines"),
            lambda logger: logger.info(""),
            lambda logger: logger.info("{missing}"),
        ):
            event = event_of(log)
            self.assertEqual(text_line(event), formatEventAsClassicLogText(event))

    def test_secrets(self) -> None:
        """There are none, in tracebacks either, and all else is there."""
        line = text_line(event_of(lambda logger: logger.failure("At {uri}", failure(), uri=ADDRESS)))
        assert line is not None
        self.assertNotIn(TOKEN, line)
        self.assertEqual(line.count("connectionToken=…&x=y"), 2)
        self.assertIn("Traceback", line)

    def test_what_no_file_could_hold(self) -> None:
        """Half a character is written as its number, instead of not at all."""
        line = text_line(event_of(lambda logger: logger.info("{text}", text="a\ud800b")))
        assert line is not None
        self.assertIn(r"a\ud800b", line)
        line.encode("utf-8")


class JsonLineTests(SynchronousTestCase):
    """Tests for `json_line`."""

    def parsed(self, log: Callable[[Logger], Any]) -> dict[str, Any]:
        """The object of a line."""
        line = json_line(event_of(log))
        assert line is not None
        self.assertEqual((line.count("\n"), line[-1]), (1, "\n"))
        parsed: dict[str, Any] = json.loads(line, parse_constant=self.fail)
        return parsed

    def test_an_event(self) -> None:
        """When, how bad, from where, what, and the event's own fields."""
        self.assertEqual(
            self.parsed(lambda logger: logger.warn("{count} of\n{kind!r}", count=2, kind="x")),
            {
                "time": "2017-07-14T02:40:00.123+00:00",
                "level": "warn",
                "namespace": "probe",
                "message": "2 of\n'x'",
                "count": 2,
                "kind": "x",
            },
        )

    def test_own_fields_replace_nothing(self) -> None:
        """A field of an event is left out that is named like what every line has."""
        parsed = self.parsed(lambda logger: logger.info("text", namespace="x", message="x", time="x"))
        self.assertEqual((parsed["namespace"], parsed["message"]), ("probe", "text"))
        self.assertEqual(parsed["time"][:4], "2017")

    def test_fields_that_json_can_express(self) -> None:
        """They are there as they are, bytes as text; others are left out, in other values too."""
        cyclic: list[Any] = []
        cyclic.append(cyclic)
        parsed = self.parsed(
            lambda logger: logger.info(
                "x",
                a=None,
                b=True,
                c=1.5,
                d=b"\xffa",
                e=[1, (2, "3")],
                f={"g": {"h": []}, 1: 2, "i": object(), b"j": 0},
                k=object(),
                l=float("nan"),
                m=[object()],
                n=cyclic,
            )
        )
        fields = {name: value for name, value in parsed.items() if len(name) == 1}
        self.assertEqual(
            fields,
            {"a": None, "b": True, "c": 1.5, "d": "\\xffa", "e": [1, [2, "3"]], "f": {"g": {"h": []}, "j": 0}},
        )

    def test_a_number_that_is_too_long(self) -> None:
        """It costs the fields, and not the line."""
        parsed = self.parsed(lambda logger: logger.info("text", number=10**5000))
        self.assertEqual((parsed["message"], "number" in parsed), ("text", False))

    def test_failures(self) -> None:
        """The traceback is a text of its own."""
        parsed = self.parsed(lambda logger: logger.failure("It failed", failure()))
        self.assertEqual((parsed["message"], parsed["level"]), ("It failed", "critical"))
        self.assertTrue(parsed["traceback"].startswith("Traceback"), parsed)
        self.assertIn("ValueError: no such thing as /signalr/poll?connectionToken=…&x=y", parsed["traceback"])

    def test_failures_that_cannot_be_shown(self) -> None:
        """It is said of which kind they are."""

        class Unspeakable(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        class Broken(Failure):
            def getTraceback(self, *args: Any, **kwargs: Any) -> str:
                raise RuntimeError

        parsed = self.parsed(lambda logger: logger.failure("x", Failure(Unspeakable())))
        self.assertIn("Unspeakable", parsed["traceback"])
        parsed = self.parsed(lambda logger: logger.failure("x", Broken(Unspeakable())))
        self.assertIn("Unspeakable", parsed["traceback"])

    def test_secrets(self) -> None:
        """There are none in the message, nor in fields, whatever they are named and however they are nested."""
        parsed = self.parsed(
            lambda logger: logger.info(
                "At {uri}",
                uri=ADDRESS,
                deep=[{"x": [ADDRESS]}],
                connectionToken="one",
                headers={"Cookie": ["two"], "Host": "h"},
                pairs=[("Authorization", "three"), (b"x", b"y")],
            )
        )
        self.assertEqual(parsed["message"], "At /signalr/poll?connectionToken=…&x=y")
        self.assertEqual(parsed["deep"], [{"x": ["/signalr/poll?connectionToken=…&x=y"]}])
        self.assertEqual(parsed["connectionToken"], "…")
        self.assertEqual(parsed["headers"], {"Cookie": "…", "Host": "h"})
        self.assertEqual(parsed["pairs"], [["Authorization", "…"], ["x", "y"]])

    def test_events_without_text(self) -> None:
        """Nothing is written of them, as in text."""
        self.assertIsNone(json_line(event_of(lambda logger: logger.info("", field=1))))

    def test_events_of_older_kinds(self) -> None:
        """They have no level of their own, and no namespace but what they call a system."""
        event = {"log_format": "text", "message": ("text",), "isError": 0, "system": "-", "time": 0.0}
        expected = {"time": None, "level": "info", "namespace": "-", "message": "text"}
        self.assertEqual(json.loads(json_line(event) or ""), expected)
        event |= {"log_namespace": "log_legacy", "log_system": "stdout"}
        self.assertEqual(json.loads(json_line(event) or ""), expected | {"namespace": "stdout"})


class TwistdTests(SynchronousTestCase):
    """Tests for `LoggedApplication` in `twistd`."""

    def setUp(self) -> None:
        self.file = Path(self.mktemp())

    def observer(self, *options: str, log_format: str | None = None) -> Any:
        """What an application brings along."""
        runner = ServerOptions()
        runner.parseOptions([*options, "--file", "x"])
        application = Application("probe")
        LoggedApplication(runner, log_format).setServiceParent(application)
        return application.getComponent(ILogObserver, None)

    def test_it_writes_where_twistd_would(self) -> None:
        """To a file that rotates, with the format asked for."""
        for log_format, formatter in ((None, text_line), ("text", text_line), ("json", json_line)):
            observer = self.observer("--logfile", str(self.file), log_format=log_format)
            verifyObject(ILogObserver, observer)
            event = event_of(lambda logger: logger.info("Here is {uri}", uri=ADDRESS))
            observer(event)
            self.assertEqual(self.file.read_text().splitlines()[-1:], (formatter(event) or "").splitlines())
            observer._outFile.rotate()
            observer._outFile.close()
            self.assertEqual(self.file.read_text(), "")

    def test_standard_output(self) -> None:
        """In the foreground that is it, and there is no file."""
        output = StringIO()
        self.patch(sys, "stdout", output)
        event = event_of(lambda logger: logger.info("text"))
        self.observer("--nodaemon", log_format="json")(event)
        self.assertEqual(output.getvalue(), json_line(event))
        self.assertRaises(SystemExit, self.observer, "--logfile=-")

    def test_syslog(self) -> None:
        """Without the time, which syslog adds; in JSON, each event is one line all the same."""
        sent: list[tuple[int, str]] = []
        self.patch(SyslogObserver, "openlog", lambda *args: None)
        self.patch(SyslogObserver, "syslog", lambda self, priority, text: sent.append((priority, text)))
        fine = event_of(lambda logger: logger.info("At {uri}", uri=ADDRESS))
        bad = event_of(lambda logger: logger.failure("x", failure()))
        observer = self.observer("--syslog")
        verifyObject(ILogObserver, observer)
        observer(fine)
        self.assertEqual(sent, [(syslog.LOG_INFO, "[probe#info] At /signalr/poll?connectionToken=…&x=y")])
        observer(bad)
        self.assertEqual(sent[1], (syslog.LOG_ALERT, "[probe#critical] x"))
        self.assertNotIn(TOKEN, str(sent))
        del sent[:]
        observer = self.observer("--syslog", log_format="json")
        for event in (fine, bad):
            observer(event)
            [(_, text)] = sent
            self.assertEqual(text.partition("] ")[2], (json_line(event) or "").rstrip())
            del sent[:]

    def test_a_logger_of_somebody_elses(self) -> None:
        """It stays; no file is opened."""
        self.assertIsNone(self.observer("--logger", "twisted.logger.LogPublisher", "--logfile", str(self.file)))
        self.assertFalse(self.file.exists())

    def test_twistd_takes_it(self) -> None:
        """twistd's own code finds what the application has."""
        runner = ServerOptions()
        runner.parseOptions(["--logfile", str(self.file), "--file", "x"])
        application = Application("probe")
        LoggedApplication(runner, "json").setServiceParent(application)
        begun: list[Any] = []
        self.patch(globalLogBeginner, "beginLoggingTo", begun.extend)
        AppLogger(runner).start(application)
        self.assertEqual(begun, [application.getComponent(ILogObserver)])
        begun[0]._outFile.close()


class TwistTests(SynchronousTestCase):
    """Tests for `LoggedApplication` in `twist`, and elsewhere."""

    def written(self, *options: str, log_format: str | None = None) -> str:
        """What is written of an event."""
        runner = TwistOptions()
        runner["logFile"] = output = StringIO()
        runner.selectDefaultLogObserver()
        for option in options:
            runner.opt_log_format(option)
        LoggedApplication(runner, log_format).setServiceParent(Application("probe"))
        runner["fileLogObserverFactory"](output)(self.event)
        return output.getvalue()

    def test_formats(self) -> None:
        """That of our option, else that of twist's, and else what twist makes of where it writes."""
        self.event = event_of(lambda logger: logger.info("At {uri}", uri=ADDRESS))
        text, as_json = text_line(self.event), json_line(self.event)
        self.assertEqual(self.written(), as_json)
        self.assertEqual(self.written("text"), text)
        self.assertEqual(self.written("json"), as_json)
        self.assertEqual(self.written("json", log_format="text"), text)
        self.assertEqual(self.written("text", log_format="json"), as_json)

    def test_another_program(self) -> None:
        """What it logs is its own business."""
        application = Application("probe")
        LoggedApplication().setServiceParent(application)
        self.assertIsNone(application.getComponent(ILogObserver, None))
        parent = MultiService()
        LoggedApplication(None, "json").setServiceParent(parent)
