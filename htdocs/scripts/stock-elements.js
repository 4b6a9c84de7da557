/*
 * Elements that show a stock each: rows of the table, entries of the strip. Server data enters the page as text and
 * attribute values only.
 */
(function ($, ticker, document) {
    "use strict";

    var ARROWS = { up: "\u25B2 ", down: "\u25BC ", even: "" };
    var WORDS = { up: "up ", down: "down ", even: "" };
    var TEXTS = {
        symbol: function (stock) { return stock.Symbol; },
        price: function (stock) { return ticker.fixed(stock.Price); },
        open: function (stock) { return ticker.fixed(stock.DayOpen); },
        high: function (stock) { return ticker.fixed(stock.DayHigh); },
        low: function (stock) { return ticker.fixed(stock.DayLow); },
        change: function (stock) { return ticker.fixed(stock.Change); },
        percent: function (stock) { return ticker.fixed(stock.PercentChange * 100) + "%"; }
    };

    /* Puts a text, which is replaced later, behind what `part` has; an empty one would not survive being copied. */
    function addText(part) {
        $(part).append(document.createTextNode(" "));
    }

    /* Looks for the text that `addText` has put there. */
    function textOf(part) {
        var node = part;
        while (node.lastChild) {
            node = node.lastChild;
        }
        return node;
    }

    /* The day's direction, by arrow for the eye and by word for the ear. */
    function addDirection(part) {
        var arrow = $("<span>").attr("aria-hidden", "true");
        var word = $("<span>").addClass("unseen");
        addText(arrow);
        addText(word);
        $(part).append(arrow, word);
    }

    /*
     * Makes elements of one kind. Each has the attributes data-symbol and data-direction ("up", "down", "even": the
     * day's change) and one part per column, whose class is the column's name.
     *
     * `columns` are names out of TEXTS, or others, whose parts stay empty; `makePart(column)` makes the part for one,
     * `outer` is the element's own tag. Returned are `make(symbol)`, and `fill(made, stock)`, which touches only what
     * is different.
     */
    ticker.stockElements = function (outer, columns, makePart) {
        var template = $(outer);

        $.each(columns, function (_, column) {
            var part = $(makePart(column)).addClass(column);
            var holder = part.children("button")[0] || part[0];
            template.append(part);
            if (column === "change") {
                addDirection(holder);
            }
            if (TEXTS[column]) {
                addText(holder);
            }
        });

        function make(symbol) {
            var element = template[0].cloneNode(true);
            var made = { element: element, parts: {}, nodes: {}, texts: {}, direction: "" };
            $.each(columns, function (index, column) {
                made.parts[column] = element.childNodes[index];
                made.nodes[column] = textOf(element.childNodes[index]);
            });
            element.setAttribute("data-symbol", symbol);
            return made;
        }

        function write(made, column, text) {
            if (made.texts[column] !== text) {
                made.texts[column] = text;
                made.nodes[column].nodeValue = text;
            }
        }

        function fill(made, stock) {
            var direction = ticker.direction(stock.Change), index, column, part;
            if (made.direction !== direction) {
                made.direction = direction;
                made.element.setAttribute("data-direction", direction);
                part = made.parts.change;
                part.childNodes[0].firstChild.nodeValue = ARROWS[direction];
                part.childNodes[1].firstChild.nodeValue = WORDS[direction];
            }
            for (index = 0; index < columns.length; index += 1) {
                column = columns[index];
                if (TEXTS[column]) {
                    write(made, column, TEXTS[column](stock));
                }
            }
        }

        return { make: make, fill: fill };
    };
}(window.jQuery, window.StockTicker, window.document));
