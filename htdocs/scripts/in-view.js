/* Which rows of a table the viewer sees: they come first in everything. */
(function ($, ticker, window) {
    "use strict";

    // As the page above the table may grow without notice, and a measurement makes the browser lay it out.
    var VALID_MS = 500;
    var MARGIN_ROWS = 2;

    /*
     * Measures where `body`, a tbody whose rows are all equally high, stands in the window: `range(count)` tells which
     * of its `count` rows are in view, {first, end}; `invalidate()` says that this has changed.
     */
    ticker.inView = function (body) {
        var measuredAt = null, top = 0, bottom = 0;

        function invalidate() {
            measuredAt = null;
        }

        function measure() {
            var box = body.getBoundingClientRect();
            top = box.top;
            bottom = box.bottom;
            measuredAt = ticker.now();
        }

        $(window).on("scroll resize", invalidate);
        return {
            invalidate: invalidate,
            range: function (count) {
                var height;
                if (measuredAt === null || ticker.now() - measuredAt > VALID_MS) {
                    measure();
                }
                height = (bottom - top) / count || 1;
                return {
                    first: Math.max(0, Math.floor(-top / height) - MARGIN_ROWS),
                    end: Math.min(count, Math.ceil(($(window).height() - top) / height) + MARGIN_ROWS)
                };
            }
        };
    };
}(window.jQuery, window.StockTicker, window));
