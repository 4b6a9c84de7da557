/* Sorting by the column headings, and filtering by symbol. */
(function ($, ticker, window) {
    "use strict";

    var RESORT_MS = 1000;
    var ANNOUNCE_MS = 800;
    var FIELDS = {
        symbol: "Symbol", price: "Price", open: "DayOpen", high: "DayHigh", low: "DayLow",
        change: "Change", percent: "PercentChange"
    };
    var NEXT = { none: "ascending", ascending: "descending", descending: "none" };

    /* Compares two quotes by a column. */
    function comparison(column, sort) {
        var field = FIELDS[column], sign = sort === "ascending" ? 1 : -1;
        return function (stock, other) {
            return stock[field] < other[field] ? -sign : stock[field] > other[field] ? sign : 0;
        };
    }

    ticker.rowOrder = function (table, model) {
        var headings = $("#stockTable thead th"), filter = $("#filter");
        var column = "", sort = "none", wanted = "", timer = null, announcing = null;

        function matches(entry) {
            return String(entry.symbol.toUpperCase()).indexOf(wanted) >= 0;
        }

        function apply() {
            table.show(wanted ? matches : null, sort === "none" ? null : comparison(column, sort));
        }

        function counted() {
            var all = model.listed(), count = $.grep(all, matches).length;
            return wanted ? count + " of " + all.length + " stocks" : "";
        }

        /* Says how many are left, and when there are none. */
        function showCount() {
            var text = counted(), isNone = Boolean(wanted) && !$.grep(model.listed(), matches).length;
            $("#count").text(text);
            $("#none").text(isNone ? "No symbol has \u201C" + filter.val() + "\u201D in it." : "")
                .attr("hidden", !isNone);
            return text;
        }

        function sortBy(heading) {
            var name = heading.attr("data-column");
            sort = name === column ? NEXT[sort] : "ascending";
            column = name;
            headings.filter("[data-column]").attr("aria-sort", "none");
            heading.attr("aria-sort", sort);
            apply();
        }

        function filterBy() {
            var text = filter.val().replace(/^\s+|\s+$/g, "").toUpperCase();
            if (text === wanted) {
                return;
            }
            wanted = text;
            apply();
            showCount();
            window.clearTimeout(announcing);
            announcing = window.setTimeout(function () { ticker.announce(showCount() || "All stocks"); }, ANNOUNCE_MS);
        }

        headings.find("button").on("click", function () { sortBy($(this).closest("th")); });
        // Internet Explorer 8 knows no input event, and later ones forget it when the field is cleared.
        filter.on("input keyup change search", filterBy);

        return {
            /* The stocks that are listed have changed. */
            listed: function () {
                headings.find("button").prop("disabled", false);
                // The browser may have kept what was typed before a reload.
                filterBy();
                showCount();
            },
            /* Prices have changed, and with them perhaps the order: it is put right once a second. */
            changed: function () {
                if (sort !== "none" && !timer) {
                    timer = window.setTimeout(function () {
                        timer = null;
                        table.arrange();
                    }, RESORT_MS);
                }
            }
        };
    };
}(window.jQuery, window.StockTicker, window));
