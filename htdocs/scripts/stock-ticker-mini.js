/* The small page: one table, always live. */
(function (ticker) {
    "use strict";

    ticker.run("stockTickerMini", function (proxy) {
        var rows = ticker.tableRows(["symbol", "price", "open", "change", "percent"]);
        var picture = ticker.picture(
            function () { return proxy.server.getAllStocks(); },
            function (isNewer, stocks) { rows.putAll(stocks, isNewer); }
        );

        proxy.client.updateStockPrice = function (stock) {
            picture.changed(ticker.stockKey(stock.Symbol));
            rows.put(stock);
        };

        return { live: picture.refresh, lost: picture.drop };
    });
}(window.StockTicker));
