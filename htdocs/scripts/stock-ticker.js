/* The full page: table, curves, strip, and the buttons that open, close and reset the market. */
(function ($, ticker, window) {
    "use strict";

    var COLUMNS = ["symbol", "price", "open", "high", "low", "change", "percent", "curve"];

    /* Whether all stocks are at their opening prices. */
    function isFresh(entries) {
        return !$.grep(entries, function (entry) { return entry.stock.Change !== 0; }).length;
    }

    ticker.run("stockBoard", function (hub) {
        var frames = ticker.frames();
        var model = ticker.stockModel();
        var table = ticker.stockTable(model, frames, {
            columns: COLUMNS,
            symbolPart: ticker.symbolButton,
            moved: function (row, stock) { ticker.flash(row.element, stock.LastChange); }
        });
        var order = ticker.rowOrder(table, model);
        var strip = ticker.strip(model);
        var store = ticker.curveStore(function (symbols) { return hub.invoke("getCurves", symbols); }, frames.wake);
        var picture = ticker.picture(function () { return hub.invoke("getBoard"); }, showBoard);
        var controls = ticker.marketControls(hub.invoke, picture.refresh);
        var rate = ticker.updateRate(
            function (chosen) { return hub.invoke("setUpdateRate", chosen); },
            picture.refresh,
            ticker.options(window.location.search).rate
        );
        // Counts the losses of the connection: what was to be shown before is not shown after.
        var losses = 0;

        ticker.curveCells(table, store, frames);
        ticker.detail(table, model, store, frames);

        /* Does something once all rows show what has been told before, unless the connection is lost meanwhile. */
        function afterDrawing(then) {
            var itsLosses = losses;
            table.flush(function () {
                if (itsLosses === losses) {
                    then();
                }
            });
        }

        function showMarket(state) {
            afterDrawing(function () {
                controls.setMarket(state);
                strip.run(state === "Open");
            });
        }

        function showBoard(isNewer, board) {
            var wasFresh = isFresh(model.listed());
            hub.trust();
            model.putAll(board.Stocks, isNewer);
            if (!wasFresh && isFresh(model.listed())) {
                ticker.announce("Market reset.");
            }
            strip.arrange();
            table.listed();
            order.listed();
            controls.setViewer(board.MayControl, board.User);
            if (!isNewer("feed")) {
                ticker.showFeed(board.IsFeedStale);
            }
            afterDrawing(ticker.unfreeze);
            if (!isNewer("market")) {
                showMarket(board.MarketState);
            }
        }

        function marketIs(state) {
            return function () {
                picture.changed("market");
                showMarket(state);
            };
        }

        hub.on("updateStockPrices", function (stocks) {
            $.each(stocks, function (_, stock) {
                var entry = model.put(stock);
                picture.changed(entry.key);
                table.moved(entry);
                strip.moved(entry);
                store.changed(entry);
            });
            order.changed();
        });
        hub.on("marketOpened", marketIs("Open"));
        hub.on("marketClosed", marketIs("Closed"));
        hub.on("boardChanged", function () {
            store.forget();
            picture.refresh();
        });
        hub.on("feedChanged", function (isStale) {
            picture.changed("feed");
            ticker.showFeed(isStale);
        });

        return {
            live: function () {
                store.forget();
                rate.live();
            },
            lost: function (heardAt) {
                losses += 1;
                rate.lost();
                picture.drop();
                if (model.listed().length && $("body").attr("data-frozen") !== "true") {
                    ticker.freeze(heardAt);
                }
                controls.setMarket("");
                strip.run(false);
            },
            ask: function () { return hub.invoke("ping"); }
        };
    });
}(window.jQuery, window.StockTicker, window));
