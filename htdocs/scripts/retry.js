/* When to try again: after a delay that grows from time to time, and by chance, so that not all pages come at once. */
(function ($, ticker, window) {
    "use strict";

    var FIRST_MS = 1000;
    var LONGEST_MS = 60000;

    /* How long to wait after so many failures: between half and the whole of 1, 2, 4, … at most 60 seconds. */
    ticker.retryDelay = function (failures, chance) {
        var whole = Math.min(LONGEST_MS, FIRST_MS * Math.pow(2, Math.min(failures, 16)));
        return Math.round(whole * (0.5 + chance / 2));
    };

    /*
     * Calls `attempt()` after the delay, or as soon as the browser says that it is online again; `tell(seconds)` gets
     * the countdown.
     */
    ticker.retry = function (attempt, tell) {
        var failures = 0, due = null, timer = null;

        function go() {
            window.clearTimeout(timer);
            if (due !== null) {
                due = null;
                attempt();
            }
        }

        function count() {
            var left = due - ticker.now();
            if (left <= 0) {
                go();
                return;
            }
            tell(Math.ceil(left / 1000));
            timer = window.setTimeout(count, left % 1000 || 1000);
        }

        $(window).on("online", go);
        return {
            later: function () {
                window.clearTimeout(timer);
                due = ticker.now() + ticker.retryDelay(failures, Math.random());
                failures += 1;
                count();
            },
            succeeded: function () {
                failures = 0;
            }
        };
    };
}(window.jQuery, window.StockTicker, window));
