/* The slider #rate: how often the server tells of price changes. */
(function ($, ticker, window) {
    "use strict";

    var RATES = ["0.2", "1", "4", "all"];
    var TEXTS = ["every 5 seconds", "once a second", "4 times a second", "every change"];
    var KEY = "StockTicker.rate";

    /* Browsers may forbid the storage, by an exception. */
    function remembered() {
        try {
            return window.localStorage.getItem(KEY);
        } catch (forbidden) {
            return null;
        }
    }

    function remember(rate) {
        try {
            window.localStorage.setItem(KEY, rate);
        } catch (forbidden) {
            return;
        }
    }

    /* A browser without sliders makes it a text field; there it becomes a list. */
    function listInstead(input) {
        var list = $("<select>").attr("id", "rate");
        $.each(TEXTS, function (index, text) {
            list.append($("<option>").val(String(index)).text(text));
        });
        input.replaceWith(list);
        $("#rate-text").remove();
        return list;
    }

    /*
     * `tell(rate)` returns a promise of the server's having heard of it, `told()` is called then; `wish` is the rate
     * that the address asks for, or "".
     */
    ticker.updateRate = function (tell, told, wish) {
        var input = $("#rate"), rate = "all", isTelling = false, isLive = false, again = false;

        function show() {
            var index = $.inArray(rate, RATES);
            input.val(String(index)).attr({ "aria-valuetext": TEXTS[index], "data-rate": rate });
            $("#rate-text").text(TEXTS[index]);
        }

        /* One call at a time, or the server might hear of them in another order. */
        function send() {
            if (!isLive) {
                return;
            }
            again = isTelling;
            if (isTelling) {
                return;
            }
            isTelling = true;
            tell(rate).always(function () {
                isTelling = false;
            }).done(function () {
                ticker.hush("rate");
                if (again) {
                    send();
                } else {
                    told();
                }
            }).fail(function (error) {
                if (isLive) {
                    ticker.say("rate", "Update rate: " + ticker.reason(error));
                    told();
                }
            });
        }

        function choose(chosen) {
            if ($.inArray(chosen, RATES) >= 0 && chosen !== rate) {
                rate = chosen;
                remember(rate);
                send();
            }
            show();
        }

        if (input[0].type !== "range") {
            input = listInstead(input);
        }
        $.each([remembered(), wish], function (_, value) {
            rate = $.inArray(value, RATES) < 0 ? rate : value;
        });
        show();
        input.on("input", function () {
            $("#rate-text").text(TEXTS[input.val()]);
        }).on("change", function () {
            choose(RATES[input.val()]);
        });

        return {
            /* Connected: tells the server, and then `told()`. */
            live: function () {
                isLive = true;
                isTelling = false;
                send();
            },
            lost: function () {
                isLive = false;
            }
        };
    };
}(window.jQuery, window.StockTicker, window));
