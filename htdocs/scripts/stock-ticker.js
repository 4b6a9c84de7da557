/* The full page: table, scrolling strip, flashing updates, and the buttons that open, close and reset the market. */
(function ($, ticker, window) {
    "use strict";

    var LAP_MS = 15000;
    var FLASH_MS = 1000;
    var stillness = window.matchMedia ? window.matchMedia("(prefers-reduced-motion: reduce)") : { matches: false };

    /*
     * Shows for a second how an element's price has moved: data-flash is "up", "down" or "even" meanwhile, and the style
     * sheet says which colour that is. The colour to return to is asked of the element, as light and dark pages differ.
     */
    function flash(element, lastChange) {
        var style = element[0].style, resting;

        function end() {
            style.backgroundColor = "";
            element.removeAttr("data-flash");
        }

        element.stop(true);
        end();
        resting = element.css("background-color");
        element.attr("data-flash", ticker.direction(lastChange));
        if (stillness.matches) {
            element.delay(FLASH_MS).queue(function (next) {
                end();
                next();
            });
        } else {
            style.backgroundColor = element.css("background-color");
            element.animate({ backgroundColor: resting }, FLASH_MS, end);
        }
    }

    /*
     * Moves `list` through `box` from right to left, one lap in LAP_MS whatever the widths. Where it stops is where it
     * goes on; before its first run it stands at the left edge.
     */
    function scroller(box, list) {
        var style = list[0].style;
        var wanted = false, lap = null, clock = null;

        function startOfFirstLap() {
            return box.width() / (box.width() + list.outerWidth());
        }

        function place() {
            var left = lap === null || stillness.matches ?
                0 : box.width() - lap * (box.width() + list.outerWidth());
            if ("transform" in style) {
                style.transform = left ? "translateX(" + left + "px)" : "";
            } else {
                style.marginLeft = left + "px";
            }
        }

        function go() {
            lap = lap === null ? startOfFirstLap() : lap;
            clock = $({ lap: lap }).animate({ lap: 1 }, {
                duration: LAP_MS * (1 - lap),
                easing: "linear",
                step: function (now) {
                    lap = now;
                    place();
                },
                complete: function () {
                    lap = 0;
                    go();
                }
            });
        }

        function update() {
            var moving = wanted && !stillness.matches;
            if (moving && !clock) {
                go();
            } else if (!moving && clock) {
                clock.stop(true);
                clock = null;
            }
            box.attr("data-scrolling", String(moving));
            place();
        }

        $(window).on("resize", place);
        if (stillness.addListener) {
            stillness.addListener(update);
        }
        return {
            run: function (yes) {
                wanted = yes;
                update();
            }
        };
    }

    /* The buttons and the sign beside them. `market` is "Open", "Closed", or "" while nobody knows. */
    function showMarket(market) {
        $("#open, #reset").prop("disabled", market !== "Closed");
        $("#close").prop("disabled", market !== "Open");
        $("#market").attr("data-market", market.toLowerCase() || "unknown")
            .text(market ? "Market " + market.toLowerCase() : "Market \u2026");
    }

    function wireButton(id, label, call) {
        $("#" + id).on("click", function () {
            ticker.hush("button");
            call().fail(function (error) {
                ticker.say("button", label + ": " + ticker.reason(error));
            });
        });
    }

    ticker.run("stockTicker", function (proxy) {
        var server = proxy.server, client = proxy.client;
        var box = $("#stockTicker"), list = box.children("ul");
        var rows = ticker.tableRows(["symbol", "price", "open", "high", "low", "change", "percent"]);
        var entries = ticker.stockElements(list, "<li>", ["symbol", "price", "change", "percent"], function () {
            return $("<span>");
        });
        var strip = scroller(box, list);

        function setMarket(market) {
            showMarket(market);
            strip.run(market === "Open");
        }

        function marketIs(market) {
            return function () {
                picture.changed("market");
                setMarket(market);
            };
        }

        var picture = ticker.picture(
            function () { return $.when(server.getAllStocks(), server.getMarketState()); },
            function (isNewer, stocks, market) {
                rows.putAll(stocks, isNewer);
                entries.putAll(stocks, isNewer);
                if (!isNewer("market")) {
                    setMarket(market);
                }
            }
        );

        client.updateStockPrice = function (stock) {
            picture.changed(ticker.stockKey(stock.Symbol));
            flash(rows.put(stock), stock.LastChange);
            flash(entries.put(stock), stock.LastChange);
        };
        client.marketOpened = marketIs("Open");
        client.marketClosed = marketIs("Closed");
        client.marketReset = picture.refresh;

        wireButton("open", "Open Market", function () { return server.openMarket(); });
        wireButton("close", "Close Market", function () { return server.closeMarket(); });
        wireButton("reset", "Reset", function () { return server.reset(); });

        return {
            live: picture.refresh,
            lost: function () {
                picture.drop();
                setMarket("");
            }
        };
    });
}(window.jQuery, window.StockTicker, window));
