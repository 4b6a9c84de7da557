/* Asking the server for everything it has to show, while changes keep coming. */
(function ($, ticker, window) {
    "use strict";

    var RETRY_MS = 5000;

    /*
     * Keeps the page's picture of the server's data right while answers and broadcasts overtake each other.
     *
     * A broadcast carries one thing (a stock, the market's state) whole, and all broadcasts arrive, in order. An answer
     * may travel beside them (long polling: on another HTTP response). Whatever arrived *before* the question was sent
     * is part of the answer. What arrives *while* waiting may be older or newer than the answer; it is kept, because
     * if the answer is newer, the broadcast that made it so is on its way. So the broadcasts always have the last word,
     * and no number of them can keep an answer from being shown.
     *
     * `ask()` returns a promise of the data; `show(isNewer, data)` puts it on the page where not `isNewer(key)`.
     */
    ticker.picture = function (ask, show) {
        var current = null, timer = null;

        /* An overlapping refresh asks once more after the present answer: at most one question is on its way. */
        function refresh() {
            var request;
            if (current) {
                current.again = true;
                return;
            }
            window.clearTimeout(timer);
            request = current = { changed: {}, again: false };

            function finish(then) {
                return function (outcome) {
                    if (request === current) {
                        current = null;
                        then(outcome);
                    }
                };
            }

            ask().done(finish(function (data) {
                ticker.hush("picture");
                show(function (key) { return key in request.changed; }, data);
                if (request.again) {
                    refresh();
                }
            })).fail(finish(function (error) {
                ticker.say("picture", "Could not load the prices: " + ticker.reason(error));
                timer = window.setTimeout(refresh, RETRY_MS);
            }));
        }

        return {
            refresh: refresh,
            changed: function (key) {
                if (current) {
                    current.changed[key] = true;
                }
            },
            /* Connection lost: nobody waits for an answer any more. */
            drop: function () {
                window.clearTimeout(timer);
                current = null;
            }
        };
    };
}(window.jQuery, window.StockTicker, window));
