"""Tests for `twisted_ticker.signalr.protocol.proxies`; one of them runs a script in Node against a small jQuery."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.protocol.proxies import camel_case, proxy_script

# Just enough of jQuery and its SignalR plugin to see what the script does. Reads the script from its input, and
# writes what happened as JSON.
_PAGE = r"""
const script = require("fs").readFileSync(0, "utf8");
const log = [];
const wrappers = {};
function Connection(url, options) { log.push(["connection", url, options]); }
Connection.prototype = {
  starting(call) { this.start = call; return this; },
  disconnected(call) { this.stop = call; return this; },
  _registerSubscribedHubs() { log.push(["subscribed"]); },
  createHubProxy(name) {
    const note = (verb) => (event, wrapper, original) => {
      log.push([verb, name, event, original.label]);
      wrappers[verb + event] = wrapper;
    };
    return { name, on: note("on"), off: note("off"), invoke(...all) { return ["invoked", this.name, ...all]; } };
  },
};
const hubConnection = (url, options) => new Connection(url, options);
hubConnection.prototype = Connection.prototype;
const each = (object, call) => Object.keys(object).forEach((key) => call.call(object[key], key, object[key]));
const jQuery = { signalR() {}, hubConnection, each, extend: Object.assign, makeArray: (some) => Array.from(some) };
const run = (window) => new Function("window", script)(window);

for (const window of [{}, { jQuery: {} }]) {
  try { run(window); } catch (error) { log.push(["failed", error.message]); }
}
run({ jQuery });
const { chat, empty, hub } = jQuery.signalR;
log.push(chat.server.sayAll("hi", 2, null), chat.server.leave(), Object.keys(chat.server), Object.keys(empty.server));
function said(...all) { log.push(["said", this === chat, ...all]); }
said.label = "the page's";
chat.client.said = said;
chat.client.notAFunction = 1;
hub.start();
wrappers.onsaid("hello", 1);
hub.stop();
log.push(["same text", String(wrappers.onsaid) === String(wrappers.offsaid)]);
process.stdout.write(JSON.stringify(log));
"""


def hub_lines(script: str) -> list[str]:
    """The lines of a script that tell its hubs."""
    return re.findall(r"^ +(addProxy\(this.*)$", script, re.MULTILINE)


def url_literal(script: str) -> str:
    """The string literal of a script's path."""
    return script.partition("jq.hubConnection(")[2].partition(", { useDefaultPath: false });")[0]


class CamelCaseTests(SynchronousTestCase):
    """How names look in script."""

    def test_first_letter_of_each_part_is_lowered(self) -> None:
        """Only that one: the rest of a name is its author's."""
        cases = [("StockTickerHub", "stockTickerHub"), ("A.BcD.e", "a.bcD.e"), ("IO", "iO"), ("x", "x"), ("", "")]
        for name, cameled in cases:
            self.assertEqual(camel_case(name), cameled)


class ProxyScriptTests(SynchronousTestCase):
    """The text of the script."""

    def test_hubs_and_methods_are_sorted_ignoring_case(self) -> None:
        """Each method is listed by its name in script and by the name that is invoked."""
        script = proxy_script("/signalr", {"zoo": ["run", "Feed", "eat"], "Chat": ["SayAll"], "empty": []})
        self.assertEqual(
            hub_lines(script),
            [
                'addProxy(this, proxies, "Chat", { "sayAll": "SayAll" });',
                'addProxy(this, proxies, "empty", {});',
                'addProxy(this, proxies, "zoo", { "eat": "eat", "feed": "Feed", "run": "run" });',
            ],
        )

    def test_script_without_hubs_is_complete(self) -> None:
        """A server without hubs serves a script that only makes the connection."""
        script = proxy_script("/signalr", {})
        self.assertEqual(hub_lines(script), [])
        self.assertEqual(url_literal(script), '"/signalr"')
        self.assertTrue(script.endswith("}(window.jQuery));\n"))

    def test_path_cannot_leave_its_literal(self) -> None:
        """Whatever a request line says stays text: quotes, markup, comments, line ends and our own placeholders."""
        for url in (
            "/</script><script>alert(1)//",
            '/"+alert(1)+"',
            "/'+alert(1)+'",
            "/\\",
            "/*/ x /*",
            "*/alert(1)/*",
            "<!--",
            "/é\u2028\u2029\n\0",
            "/%(hubs)s%s%%",
        ):
            script = proxy_script(url, {"chat": []})
            literal = url_literal(script)
            self.assertEqual(json.loads(literal), url)
            self.assertTrue(literal.isascii() and literal.isprintable(), literal)
            self.assertNotRegex(literal, r"[<>]")
            self.assertEqual(script.replace(literal, '"/signalr"'), proxy_script("/signalr", {"chat": []}))

    def test_names_are_quoted(self) -> None:
        """Names that are no identifiers are still names."""
        script = proxy_script("/signalr", {'a"b': ["x-y", "</script>", "é"]})
        line = (
            r'addProxy(this, proxies, "a\"b", '
            r'{ "\u003c/script\u003e": "\u003c/script\u003e", "x-y": "x-y", "\u00e9": "\u00e9" });'
        )
        self.assertEqual(hub_lines(script), [line])


class ProxyBehaviourTests(SynchronousTestCase):
    """What the script does when it runs."""

    def test_page_finds_its_hubs(self) -> None:
        """Methods invoke, handlers come and go with the connection, and a missing plugin is told in words."""
        script = proxy_script("/signalr", {"chat": ["SayAll", "leave"], "empty": []})
        node = subprocess.run(["node", "-e", _PAGE], input=script, capture_output=True, text=True, check=False)
        self.assertEqual(node.stderr, "")
        log: list[Any] = json.loads(node.stdout)
        missing = ["failed", "Hub proxies: load jQuery and jquery.signalR before this script."]
        self.assertEqual(
            log,
            [
                missing,
                missing,
                ["connection", "/signalr", {"useDefaultPath": False}],
                ["invoked", "chat", "SayAll", "hi", 2, None],
                ["invoked", "chat", "leave"],
                ["leave", "sayAll"],
                [],
                ["on", "chat", "said", "the page's"],
                ["subscribed"],
                ["said", True, "hello", 1],
                ["off", "chat", "said", "the page's"],
                ["same text", True],
            ],
        )
