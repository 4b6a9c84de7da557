/* How far prices can be trusted: whether the link to the server is up, and the server's to the source of prices. */
(function ($, ticker, window) {
    "use strict";

    var STALE = "Prices are out of date: their source does not answer.";

    /* Without a connection the page stands still, and says as of when its prices are. */
    ticker.freeze = function (asOf) {
        $("body").attr("data-frozen", "true");
        $("#as-of").text("as of " + ticker.timeOfDay(asOf, true));
    };

    ticker.unfreeze = function () {
        $("body").attr("data-frozen", "false");
        $("#as-of").text("");
    };

    ticker.showFeed = function (isStale) {
        var feed = $("#feed"), was = feed.attr("data-stale");
        if (was === String(isStale)) {
            return;
        }
        feed.attr("data-stale", String(isStale)).text(isStale ? STALE : "").attr("hidden", !isStale);
        if (isStale) {
            ticker.announce(STALE);
        } else if (was === "true") {
            ticker.announce("Prices are up to date again.");
        }
    };

    // Paper should say when it was printed.
    $(window).on("beforeprint", function () {
        if ($("body").attr("data-frozen") !== "true") {
            $("#as-of").text("as of " + ticker.timeOfDay(new Date().getTime(), true));
        }
    }).on("afterprint", function () {
        if ($("body").attr("data-frozen") !== "true") {
            $("#as-of").text("");
        }
    });
}(window.jQuery, window.StockTicker, window));
