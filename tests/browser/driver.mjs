// Reads one JSON line per call, `{ "call": "mouse.wheel", "args": [0, 100] }`, on playwright's page, and answers with one.
// Its own calls: open(url, options) for a page in a fresh context, seen() for all that a page asked for or complained of,
// choose(selector, ...files) for a file dialog, touch(type, points) for fingers (Chromium only).
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";

const [, , name, executablePath] = process.argv;
// Playwright knows only a Firefox of its own; Debian's speaks WebDriver BiDi with puppeteer.
const launch = {
  chromium: () => chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] }),
  firefox: () => puppeteer.launch({ browser: "firefox", executablePath, headless: true }),
};
const browser = await launch[name]();
let context, page, fingers, requests, complaints;

const own = {
  async open(url, options) {
    await context?.close();
    if (name === "chromium") {
      context = await browser.newContext(options);
      await context.setOffline(true);
    } else {
      context = await browser.createBrowserContext();
    }
    page = await context.newPage();
    if (name === "firefox") await page.setViewport(options.viewport);
    [requests, complaints, fingers] = [[], [], undefined];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => ["error", "warning", "warn"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
  },
  async choose(selector, ...files) {
    if (name === "chromium") await page.setInputFiles(selector, files);
    else await (await page.$(selector)).uploadFile(...files);
  },
  seen: () => ({ requests, complaints }),
  async touch(type, points) {
    fingers ??= await context.newCDPSession(page);
    await fingers.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  },
};

async function called({ call, args }) {
  if (own[call]) return own[call](...args);
  const way = call.split(".");
  const name = way.pop();
  return way.reduce((owner, key) => owner[key], page)[name](...args);
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const result = await called(JSON.parse(line));
    answer = { result: plain(result) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();

/** What goes through JSON; handles of the browser do not. */
function plain(result) {
  return result?.constructor?.name === "Object" || Array.isArray(result) || typeof result !== "object" ? result : null;
}
