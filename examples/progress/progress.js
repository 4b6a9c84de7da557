/* The job's page: one call, its progress and its result. */
(function ($, window) {
    "use strict";

    var RETRY_MS = 3000;
    var hub = $.connection.hub;
    var jobs = $.connection.jobs;
    var transport = /[?&]transport=(\w+)/.exec(window.location.search);
    var working = false;

    // The client listens to hubs for which a page has handlers, and progress comes that way too.
    jobs.client.unused = $.noop;

    function problem(error) {
        $("#problem").text(error ? String(error.message || error) : "");
    }

    function show(percent) {
        $("#progress").attr("aria-valuenow", percent);
        $("#bar").css("width", percent + "%");
        $("#percent").text(percent + " %");
    }

    function allow() {
        $("#begin").prop("disabled", working || hub.state !== $.signalR.connectionState.connected);
    }

    $("#job").on("submit", function (event) {
        var limit = Number($("#limit").val());
        event.preventDefault();
        working = true;
        allow();
        problem("");
        $("#result").text("");
        show(0);
        jobs.server.countPrimes(limit).progress(show).done(function (found) {
            show(100);
            $("#result").text("There are " + found + " prime numbers below " + limit + ".");
        }).fail(problem).always(function () {
            working = false;
            allow();
        });
    });

    function start() {
        hub.start(transport ? { transport: transport[1] } : {}).done(function () { problem(""); }).fail(problem);
    }

    hub.stateChanged(function (change) {
        var states = $.signalR.connectionState;
        var connected = change.newState === states.connected;
        var state = connected ? "connected" : change.newState === states.disconnected ? "disconnected" : "connecting";
        var words = { connected: "Connected \u00B7 ", connecting: "Connecting\u2026", disconnected: "Not connected" };
        $("#connection").attr("data-state", state).text(words[state] + (connected ? hub.transport.name : ""));
        allow();
    });
    hub.disconnected(function () { window.setTimeout(start, RETRY_MS); });
    $(start);
}(window.jQuery, window));
