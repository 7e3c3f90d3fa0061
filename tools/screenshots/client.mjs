// A phone with a chat client on it: Chromium at 390 x 844 with Element's room view, driven as tests/interop/client.mjs
// is, by JSON lines from `bot.demo.people.Person`: first the session, then calls {id, call, ...arguments}.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const built = join(import.meta.dirname, "dist");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json" };
const patience = 60_000; // milliseconds
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const session = JSON.parse((await lines.next()).value);

// ---- the built client, on loopback

const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://phone"); // no dots are left in it
    const file = join(built, pathname === "/" ? "index.html" : pathname);
    if (!(await stat(file).catch(() => null))?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));

// ---- the phone

const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--disable-background-networking", "--disable-component-update"],
    chromiumSandbox: process.getuid() !== 0, // Chromium has none for root
});
const size = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true };
const page = await browser.newPage({ ...size, colorScheme: "dark", locale: "en-GB", timezoneId: "Europe/London" });
page.setDefaultTimeout(patience);

async function sign_in() {
    await page.addInitScript(({ server, user_id, device_id, access_token }) => {
        const kept = { hs_url: server, user_id, device_id, access_token, has_access_token: "true", is_guest: "false" };
        for (const [name, value] of Object.entries(kept)) localStorage.setItem(`mx_${name}`, value);
    }, session);
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction(() => window.mxMatrixClientPeg?.get()?.isInitialSyncComplete());
    await page.evaluate(async ({ secrets, device_id }) => {
        const crypto = window.mxMatrixClientPeg.get().getCrypto();
        await crypto.importSecretsBundle(secrets);
        await crypto.crossSignDevice(device_id);
    }, session);
}

const dispatch = (action) => page.evaluate((told) => window.mxDispatcher.dispatch(told), action);
const tile = (event_id) => page.locator(`[data-scroll-tokens~="${event_id}"]`).last();

// Until every picture is decrypted and painted.
async function settle() {
    const loading = ".mx_MImageBody_placeholder, .mx_Spinner, .mx_InlineSpinner";
    await page.waitForFunction((them) => {
        const pictures = [...document.querySelectorAll("img.mx_MImageBody_thumbnail, .mx_ImageView_image")];
        return !document.querySelector(them) && pictures.every((one) => one.complete && one.naturalWidth);
    }, loading);
    await page.waitForTimeout(700); // the client's own fading
}

function put_at_top(list, event_id) {
    const found = list.querySelector(`[data-scroll-tokens~="${event_id}"]`);
    list.scrollTop += found.getBoundingClientRect().top - list.getBoundingClientRect().top;
}

const calls = {
    async open({ room }) {
        await dispatch({ action: "view_room", room_id: room });
        await page.locator(".mx_RoomView_MessageList").waitFor();
    },
    async open_thread({ room, event_id }) {
        await page.evaluate(([id, event]) => {
            const rootEvent = window.mxMatrixClientPeg.get().getRoom(id).findEventById(event);
            window.mxDispatcher.dispatch({ action: "show_thread", rootEvent });
        }, [room, event_id]);
        await page.locator(".mx_ThreadPanel, .mx_ThreadView").first().waitFor();
    },
    async open_picture({ event_id }) {
        await tile(event_id).locator("img.mx_MImageBody_thumbnail").click();
        await page.locator(".mx_ImageView_image").waitFor();
    },
    back: () => page.keyboard.press("Escape"),
    // `first`: the event that stands at the top; else the newest at the bottom.
    async shoot({ path, first }) {
        await settle();
        await page.mouse.move(0, 0); // a thumb leaves nothing hovering
        const list = page.locator(".mx_ScrollPanel").last();
        if (first) await list.evaluate(put_at_top, first);
        else await list.evaluate((one) => (one.scrollTop = one.scrollHeight));
        await settle();
        await page.screenshot({ path, type: "jpeg", quality: 86, animations: "disabled", caret: "hide" });
    },
    close: () => browser.close(),
};

async function answer({ id, call, ...given }) {
    try {
        say({ id, ok: (await calls[call](given)) ?? null });
    } catch (error) {
        say({ id, error: String(error?.message ?? error) });
    }
}

await sign_in();
say({ ready: session.device_id });
for await (const line of lines) await answer(JSON.parse(line)); // one after the other, as a thumb does
await browser.close();
process.exit(0);
