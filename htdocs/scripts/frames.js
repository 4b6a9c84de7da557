/*
 * Work in small pieces: what a page has to draw is drawn in the browser's frames, a few milliseconds in each, so that
 * the page answers its user however many prices move.
 */
(function (ticker, window) {
    "use strict";

    var BUDGET_MS = 6;
    // Also where the browser draws no frames, as in a hidden tab, what is to be drawn is drawn in the end.
    var PATIENCE_MS = 250;

    var performance = window.performance;
    var requestFrame = window.requestAnimationFrame;

    /* Milliseconds since some moment, for measuring how long something takes. */
    ticker.now = performance && performance.now ?
        function () { return performance.now(); } :
        function () { return new Date().getTime(); };

    /*
     * Runs jobs, in the order in which they were added, once in each frame, from `wake()` until all have nothing to do.
     *
     * A job is called with `hasTime()`, which says whether this frame still has time, and returns whether it wants to
     * be called again in the next one. To make progress it does at least one piece of its work, however late it is.
     */
    ticker.frames = function () {
        var jobs = [], turn = 0, started = 0, isWaiting = false, alarm = null, alarmAt = 0;

        function hasTime() {
            return ticker.now() - started < BUDGET_MS;
        }

        function run(itsTurn) {
            var isWanted = false, index;
            if (itsTurn !== turn) {
                return;
            }
            turn += 1;
            isWaiting = false;
            started = ticker.now();
            for (index = 0; index < jobs.length; index += 1) {
                isWanted = jobs[index](hasTime) || isWanted;
            }
            if (isWanted) {
                wake();
            }
        }

        function wake() {
            var itsTurn = turn;
            if (isWaiting) {
                return;
            }
            isWaiting = true;
            if (requestFrame) {
                requestFrame(function () { run(itsTurn); });
            }
            window.setTimeout(function () { run(itsTurn); }, requestFrame ? PATIENCE_MS : 16);
        }

        return {
            add: function (job) { jobs.push(job); },
            wake: wake,
            /* Wakes later. */
            wakeIn: function (milliseconds) {
                var due = ticker.now() + milliseconds;
                if (alarm !== null && alarmAt <= due) {
                    return;
                }
                window.clearTimeout(alarm);
                alarmAt = due;
                alarm = window.setTimeout(function () {
                    alarm = null;
                    wake();
                }, milliseconds);
            }
        };
    };
}(window.StockTicker, window));
