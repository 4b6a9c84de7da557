/* The small page: one table, always live. */
(function ($, ticker) {
    "use strict";

    ticker.run("stockTickerMini", function (hub) {
        var frames = ticker.frames();
        var model = ticker.stockModel();
        var table = ticker.stockTable(model, frames, {
            columns: ["symbol", "price", "open", "change", "percent"],
            symbolPart: function () { return null; },
            moved: $.noop
        });
        var picture = ticker.picture(
            function () { return hub.invoke("getAllStocks"); },
            function (isNewer, stocks) {
                hub.trust();
                model.putAll(stocks, isNewer);
                table.listed();
                table.flush(ticker.unfreeze);
            }
        );

        hub.on("updateStockPrice", function (stock) {
            var entry = model.put(stock);
            picture.changed(entry.key);
            table.moved(entry);
        });

        return {
            live: picture.refresh,
            lost: function (heardAt) {
                picture.drop();
                if (model.listed().length && $("body").attr("data-frozen") !== "true") {
                    ticker.freeze(heardAt);
                }
            },
            ask: null
        };
    });
}(window.jQuery, window.StockTicker));
