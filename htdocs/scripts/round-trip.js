/* How long the server takes to answer, measured every few seconds. */
(function (ticker, window) {
    "use strict";

    var PAUSE_MS = 5000;

    /* `ask()` returns a promise; `tell(milliseconds)` gets each measurement between `start()` and `stop()`. */
    ticker.roundTrip = function (ask, tell) {
        var round = 0, timer = null;

        function measure() {
            var itsRound = round, asked = ticker.now();

            function next(isAnswer) {
                return function () {
                    if (itsRound !== round) {
                        return;
                    }
                    if (isAnswer) {
                        tell(Math.round(ticker.now() - asked));
                    }
                    timer = window.setTimeout(measure, PAUSE_MS);
                };
            }

            ask().then(next(true), next(false));
        }

        function stop() {
            window.clearTimeout(timer);
            round += 1;
        }

        return {
            start: function () {
                stop();
                measure();
            },
            stop: stop
        };
    };
}(window.StockTicker, window));
