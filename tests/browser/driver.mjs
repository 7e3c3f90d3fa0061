// Reads one JSON line per call, `{ "call": "mouse.wheel", "args": [0, 100] }`, on playwright's page, and answers with one.
// Its own calls: open(url, options) for a page in a fresh context, seen() for all that a page asked for or complained of,
// touch(type, points) for fingers.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: process.argv[2], args: ["--no-sandbox", "--disable-gpu"] });
let context, page, fingers, requests, complaints;

const own = {
  async open(url, options) {
    await context?.close();
    context = await browser.newContext(options);
    await context.setOffline(true);
    page = await context.newPage();
    [requests, complaints, fingers] = [[], [], undefined];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
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
