/*
 * The main path of the ticker's page in a stock Firefox, over WebDriver BiDi:
 *
 *     node firefox.js FIREFOX ADDRESS…        with NODE_PATH
 *
 * For each address, in a tab of its own: open the market, see prices move, close it. Then writes a line of JSON
 * {version, address, transport, opening, moved, prices, complaints}; prices are by symbol, as the page shows them.
 */
"use strict";

/* global document, window */

const puppeteer = require("puppeteer-core");

const DEADLINE_MS = 30000;

const pricesIn = (page) =>
    page.$$eval("#stockTable tbody tr[data-symbol]", (rows) =>
        Object.fromEntries(rows.map((row) => [row.dataset.symbol, row.querySelector(".price").textContent])));

async function settled(page, market) {
    await page.waitForSelector(`#market[data-market="${market}"]`);
}

async function press(page, id) {
    await page.waitForSelector(`#${id}:not(:disabled)`);
    await page.click(`#${id}`);
}

async function moved(page, before) {
    await page.waitForFunction(
        (old) => Array.from(document.querySelectorAll("#stockTable tbody tr[data-symbol]"))
            .some((row) => row.querySelector(".price").textContent !== old[row.dataset.symbol]),
        {},
        before,
    );
    return pricesIn(page);
}

async function visit(browser, address) {
    const page = await browser.newPage();
    const complaints = [];
    page.setDefaultTimeout(DEADLINE_MS);
    page.on("console", (message) => {
        if (["error", "warn", "assert"].includes(message.type())) {
            complaints.push(`${message.type()}: ${message.text()}`);
        }
    });
    page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
    await page.evaluateOnNewDocument(() => {
        window.violations = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            window.violations.push(`policy: ${event.violatedDirective} ${event.blockedURI}`);
        });
    });

    await page.goto(address, { waitUntil: "domcontentloaded" });
    await page.waitForSelector('#connection[data-state="connected"]');
    await settled(page, "closed");
    await page.waitForSelector("#stockTable tr[data-symbol]");
    const opening = await pricesIn(page);
    await press(page, "open");
    await settled(page, "open");
    const during = await moved(page, opening);
    await press(page, "close");
    await settled(page, "closed");
    const note = {
        version: await browser.version(),
        address,
        transport: await page.$eval("#connection", (badge) => badge.dataset.transport),
        opening,
        moved: during,
        prices: await pricesIn(page),
        complaints: complaints.concat(await page.evaluate(() => window.violations)),
    };
    await page.close();
    process.stdout.write(`${JSON.stringify(note)}\n`);
}

async function main(executablePath, addresses) {
    const browser = await puppeteer.launch({
        browser: "firefox",
        executablePath,
        headless: true,
        timeout: DEADLINE_MS,
    });
    try {
        for (const address of addresses) {
            await visit(browser, address);
        }
    } finally {
        await browser.close();
    }
}

main(process.argv[2], process.argv.slice(3)).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
});
