/* Opening, closing and resetting the market: the buttons, the sign beside them, and who may press them. */
(function ($, ticker) {
    "use strict";

    /* `call(method)` invokes a hub method; `refused()` is called when that failed. */
    ticker.marketControls = function (call, refused) {
        var market = "", told = "", mayControl = false;

        function show() {
            $("#open, #reset").prop("disabled", !mayControl || market !== "Closed");
            $("#close").prop("disabled", !mayControl || market !== "Open");
            $("#market").attr("data-market", market.toLowerCase() || "unknown")
                .text(market ? "Market " + market.toLowerCase() : "Market \u2026");
        }

        function wire(id, label, method) {
            $("#" + id).on("click", function () {
                ticker.hush("button");
                call(method).fail(function (error) {
                    ticker.say("button", label + ": " + ticker.reason(error));
                    refused();
                });
            });
        }

        wire("open", "Open Market", "openMarket");
        wire("close", "Close Market", "closeMarket");
        wire("reset", "Reset", "reset");

        return {
            /* `state` is "Open", "Closed", or "" while nobody knows. */
            setMarket: function (state) {
                if (told && state && state !== told) {
                    ticker.announce("Market " + state.toLowerCase() + ".");
                }
                told = state || told;
                market = state;
                show();
            },
            /* Whether the viewer may control the market, and as whom, or null. */
            setViewer: function (may, user) {
                mayControl = may;
                $("#login").attr("hidden", may || user !== null);
                $("#account").attr("hidden", user === null);
                $("#logout").prop("disabled", user === null);
                $("#user").text(user === null ? "" : user);
                show();
            }
        };
    };
}(window.jQuery, window.StockTicker));
