// A clinician's Matrix client without a screen: matrix-js-sdk with Rust crypto, the same crypto as Element.
//
// Driven by JSON lines (bot/demo/people.py). The first line on stdin is the session:
//   {server, user_id, device_id, access_token, password, strict, cross_signed, secrets, recovery_key, auto_join}
// each further one a call {id, call, ...arguments}, answered by {id, ok: result} or {id, error}. Between the answers
// stand the events as this client sees them: {event: {...}}, once more when a late key decrypts one.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

const quiet = () => {};
Object.assign(console, { log: quiet, info: quiet, debug: quiet, warn: quiet, error: quiet }); // stdout carries the protocol
const sdk = await import("matrix-js-sdk");
const { logger } = await import("matrix-js-sdk/lib/logger.js");
const crypto_api = await import("matrix-js-sdk/lib/crypto-api/index.js");
const { UserId } = await import("@matrix-org/matrix-sdk-crypto-wasm");
logger.setLevel("silent");

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const session = JSON.parse((await lines.next()).value);

async function fitting_key({ keys }) {
    const key = crypto_api.decodeRecoveryKey(session.recovery_key);
    for (const [id, told] of Object.entries(keys)) if (await client.secretStorage.checkKey(key, told)) return [id, key];
    return null;
}

const client = sdk.createClient({
    baseUrl: session.server,
    userId: session.user_id,
    deviceId: session.device_id,
    accessToken: session.access_token,
    timelineSupport: true,
    cryptoCallbacks: { getSecretStorageKey: fitting_key },
    logger,
});
await client.initRustCrypto({ useIndexedDB: false });
const crypto = client.getCrypto();
if (session.strict) crypto.setDeviceIsolationMode(new crypto_api.OnlySignedDevicesIsolationMode());

// ---- what this client sees

const name_of = (names, value) => (value === null || value === undefined ? null : names[value].toLowerCase());

async function shield_of(event) {
    const info = await crypto.getEncryptionInfoForEvent(event);
    if (!info) return null;
    const reason = name_of(crypto_api.EventShieldReason, info.shieldReason);
    return { colour: name_of(crypto_api.EventShieldColour, info.shieldColour), reason };
}

async function sender_device(event) {
    const fingerprint = event.getClaimedEd25519Key();
    const devices = (await crypto.getUserDeviceInfo([event.getSender()])).get(event.getSender());
    for (const device of devices?.values() ?? []) if (device.getFingerprint() === fingerprint) return device.deviceId;
    return null;
}

async function seen(event) {
    const encrypted = event.getWireType() === "m.room.encrypted";
    const failed = encrypted && event.isDecryptionFailure();
    return {
        room: event.getRoomId(),
        event_id: event.getId(),
        sender: event.getSender(),
        type: event.getType(),
        state_key: event.getStateKey() ?? null,
        timestamp: event.getTs(),
        content: event.getOriginalContent(),
        relates_to: event.getWireContent()["m.relates_to"] ?? event.getOriginalContent()["m.relates_to"] ?? null,
        redacted: event.isRedacted(),
        encrypted,
        failure: failed ? event.decryptionFailureReason ?? "UNKNOWN" : null,
        shield: encrypted ? await shield_of(event) : null,
        sender_device: encrypted && !failed ? await sender_device(event) : null,
    };
}

async function report(event) {
    if (event.status !== null && event.status !== sdk.EventStatus.SENT) return; // our own, not yet on the server
    await client.decryptEventIfNeeded(event);
    say({ event: await seen(event) });
}

client.on(sdk.RoomEvent.Timeline, (event, _room, older) => older || report(event));
client.on(sdk.RoomEvent.LocalEchoUpdated, report);
client.on(sdk.MatrixEventEvent.Decrypted, (event) => event.isDecryptionFailure() || report(event));
client.on(sdk.RoomMemberEvent.Membership, (_event, member) => {
    const invited = member.userId === session.user_id && member.membership === "invite";
    if (session.auto_join && invited) client.joinRoom(member.roomId).catch(quiet);
});

// ---- files: AES-256-CTR, hash over the ciphertext (Matrix spec, "Sending encrypted attachments")

const unpadded = (bytes) => bytes.toString("base64").replace(/=+$/, "");

function tap(hash, count = { bytes: 0 }) {
    const transform = (chunk, _encoding, done) => (hash.update(chunk), (count.bytes += chunk.length), done(null, chunk));
    return Object.assign(new Transform({ transform }), { count });
}

async function fetch_media(mxc) {
    const [, server, id] = /^mxc:\/\/([^/]+)\/(.+)$/.exec(mxc);
    const address = `${session.server}/_matrix/client/v1/media/download/${server}/${id}`;
    const response = await fetch(address, { headers: { authorization: `Bearer ${session.access_token}` } });
    if (!response.ok) throw new Error(`download: ${response.status} ${await response.text()}`);
    return Readable.fromWeb(response.body);
}

async function save(file, out) {
    const [outer, inner] = [createHash("sha256"), createHash("sha256")];
    const key = Buffer.from(file.key.k, "base64url");
    const decipher = createDecipheriv("aes-256-ctr", key, Buffer.from(file.iv, "base64"));
    const plain = tap(inner);
    await pipeline(await fetch_media(file.url), tap(outer), decipher, plain, createWriteStream(`${out}.partial`));
    if (unpadded(outer.digest()) !== file.hashes.sha256.replace(/=+$/, "")) {
        await rm(`${out}.partial`);
        throw new Error("the file does not have the hash that its sender gave");
    }
    await rename(`${out}.partial`, out);
    return { bytes: plain.count.bytes, sha256: inner.digest("hex") };
}

async function upload(plaintext) {
    const key = randomBytes(32);
    const iv = Buffer.concat([randomBytes(8), Buffer.alloc(8)]);
    const cipher = createCipheriv("aes-256-ctr", key, iv);
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    const options = { type: "application/octet-stream", includeFilename: false };
    const { content_uri } = await client.uploadContent(new Blob([sealed]), options);
    return {
        v: "v2",
        url: content_uri,
        key: { kty: "oct", alg: "A256CTR", ext: true, key_ops: ["encrypt", "decrypt"], k: key.toString("base64url") },
        iv: unpadded(iv),
        hashes: { sha256: unpadded(createHash("sha256").update(sealed).digest()) },
    };
}

// ---- verification by emoji

const requests = new Map(); // the newest with each person
const phases = Object.fromEntries(Object.entries(crypto_api.VerificationPhase).map(([name, value]) => [value, name]));

function follow(request) {
    requests.set(request.otherUserId, request);
    let comparing = false;
    const compare = () => {
        if (!request.verifier || comparing) return;
        comparing = true; // accepts what the other side has started, or goes on with what we have
        request.verifier.verify().catch(quiet);
    };
    request.on(crypto_api.VerificationRequestEvent.Change, compare);
    compare();
}
client.on(crypto_api.CryptoEvent.VerificationRequestReceived, follow);

function verification_with(user) {
    if (!requests.has(user)) throw new Error(`no verification with ${user}`);
    return requests.get(user);
}

function sas_with(user) {
    const callbacks = verification_with(user).verifier?.getShowSasCallbacks();
    if (!callbacks) throw new Error("no emoji to compare");
    return callbacks;
}

const steps = {
    accept: (user) => verification_with(user).accept(),
    start: (user) => verification_with(user).startVerification("m.sas.v1"),
    confirm: (user) => sas_with(user).confirm(),
    mismatch: (user) => sas_with(user).mismatch(),
    cancel: (user) => verification_with(user).cancel(),
};

// ---- what it can be asked to do

const reply_to = (event_id) => (event_id ? { "m.relates_to": { "m.in_reply_to": { event_id } } } : {});
const send = async (room, type, content) => (await client.sendEvent(room, type, content)).event_id;

async function known_room(id) {
    for (let tries = 0; client.getRoom(id)?.getMyMembership() !== "join"; tries++) {
        if (tries === 200) throw new Error(`not in the room ${id}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return client.getRoom(id);
}

async function event_of(room, event_id) {
    const raw = (await known_room(room)).findEventById(event_id);
    const event = raw ?? client.getEventMapper()({ ...(await client.fetchRoomEvent(room, event_id)), room_id: room });
    await client.decryptEventIfNeeded(event);
    return event;
}

async function with_password(make_request) {
    try {
        return await make_request(null);
    } catch (error) {
        if (error.httpStatus !== 401) throw error;
        const identifier = { type: "m.id.user", user: session.user_id };
        const { session: flow } = error.data;
        return make_request({ type: "m.login.password", identifier, password: session.password, session: flow });
    }
}

const bootstrap = (again) =>
    crypto.bootstrapCrossSigning({ setupNewCrossSigning: again, authUploadDeviceSigningKeys: with_password });

const calls = {
    async create_room({ name, invite, encrypted, rotation, history, preset }) {
        const state = (type, content) => ({ type, state_key: "", content });
        const initial_state = [state("m.room.history_visibility", { history_visibility: history })];
        const encryption = { algorithm: "m.megolm.v1.aes-sha2", ...rotation };
        if (encrypted) initial_state.push(state("m.room.encryption", encryption));
        const { room_id } = await client.createRoom({ name, invite, preset, initial_state });
        await known_room(room_id);
        return room_id;
    },
    async join({ room }) {
        await client.joinRoom(room);
        await known_room(room);
    },
    leave: async ({ room }) => void (await client.leave(room)),
    invite: async ({ room, user }) => void (await client.invite(room, user)),
    kick: async ({ room, user }) => void (await client.kick(room, user)),
    send: ({ room, text, msgtype, reply }) =>
        send(room, "m.room.message", { msgtype, body: text, ...reply_to(reply) }),
    send_raw: ({ room, type, content }) => send(room, type, content),
    send_state: async ({ room, type, content, state_key }) =>
        (await client.sendStateEvent(room, type, content, state_key)).event_id,
    edit: ({ room, event_id, text }) =>
        send(room, "m.room.message", {
            msgtype: "m.text",
            body: `* ${text}`,
            "m.new_content": { msgtype: "m.text", body: text },
            "m.relates_to": { rel_type: "m.replace", event_id },
        }),
    react: ({ room, event_id, key }) =>
        send(room, "m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id, key } }),
    redact: async ({ room, event_id }) => (await client.redactEvent(room, event_id)).event_id,
    async send_file({ room, path, name, msgtype, mimetype }) {
        const plaintext = await readFile(path);
        const info = { size: plaintext.length, mimetype };
        const content = { msgtype, body: name, filename: name, info, file: await upload(plaintext) };
        return send(room, "m.room.message", content);
    },
    async download({ room, event_id, out, thumbnail }) {
        const content = (await event_of(room, event_id)).getOriginalContent();
        const file = thumbnail ? content.info?.thumbnail_file : content.file;
        if (!file) throw new Error(`no encrypted ${thumbnail ? "thumbnail" : "file"} in ${event_id}`);
        return save(file, out);
    },
    async timeline({ room, limit }) {
        const here = await known_room(room);
        const events = () => here.getLiveTimeline().getEvents();
        for (let before = -1; events().length < limit && events().length !== before; ) {
            before = events().length;
            await client.scrollback(here, limit);
        }
        const newest = events().slice(-limit);
        await Promise.all(newest.map((event) => client.decryptEventIfNeeded(event)));
        return Promise.all(newest.map(seen));
    },
    async devices({ user }) {
        const devices = [...((await crypto.getUserDeviceInfo([user], true)).get(user)?.values() ?? [])];
        const status = (device) => crypto.getDeviceVerificationStatus(user, device.deviceId);
        const entry = async (device) => [device.deviceId, (await status(device))?.signedByOwner ?? false];
        return Object.fromEntries(await Promise.all(devices.map(entry)));
    },
    async identity({ user }) {
        await crypto.getUserDeviceInfo([user], true);
        const status = await crypto.getUserVerificationStatus(user);
        const verified = status.isVerified();
        return { verified, was_verified: status.wasCrossSigningVerified(), changed: status.needsUserApproval };
    },
    async vouch_for({ user }) {
        await crypto.getUserDeviceInfo([user], true);
        const identity = await crypto.getOlmMachineOrThrow().getIdentity(new UserId(user));
        await crypto.outgoingRequestProcessor.makeOutgoingRequest(await identity.verify());
        const verified = async () => (await crypto.getUserVerificationStatus(user)).isVerified();
        for (let tries = 0; !(await verified()); tries++) {
            if (tries === 200) throw new Error(`${user} does not come back verified`);
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    },
    async back_up({ passphrase }) {
        const made = await crypto.createRecoveryKeyFromPassphrase(passphrase ?? undefined);
        session.recovery_key = made.encodedPrivateKey;
        const createSecretStorageKey = async () => made;
        await crypto.bootstrapSecretStorage({ createSecretStorageKey, setupNewSecretStorage: true });
        return made.encodedPrivateKey;
    },
    async backed_up({ recovery_key }) {
        session.recovery_key = recovery_key;
        const names = ["master", "self_signing", "user_signing"];
        const secret = async (name) => [name, await client.secretStorage.get(`m.cross_signing.${name}`)];
        return Object.fromEntries(await Promise.all(names.map(secret)));
    },
    async verify({ user, room, device }) {
        await crypto.getUserDeviceInfo([user], true);
        if (room) await known_room(room);
        const ask = room ? crypto.requestVerificationDM(user, room) : crypto.requestDeviceVerification(user, device);
        follow(await ask);
        return verification_with(user).transactionId;
    },
    verify_step: async ({ user, step }) => void (await steps[step](user)),
    verification({ user }) {
        const request = requests.get(user);
        if (!request) return null;
        const { transactionId, roomId, cancellationCode, cancellingUserId, verifier } = request;
        const ended = { code: cancellationCode ?? null, cancelled_by: cancellingUserId ?? null };
        const emoji = verifier?.getShowSasCallbacks()?.sas.emoji ?? null;
        const phase = phases[request.phase].toLowerCase();
        return { transaction_id: transactionId, room: roomId ?? null, phase, emoji, ...ended };
    },
    only_verified: ({ on }) => void (crypto.globalBlacklistUnverifiedDevices = on),
    secrets: () => crypto.exportSecretsBundle(),
    new_identity: async () => void (await bootstrap(true)),
    sign_out: async () => void (await client.logout(true)),
};

async function answer({ id, call, ...given }) {
    try {
        say({ id, ok: (await calls[call](given)) ?? null });
    } catch (error) {
        say({ id, error: String(error?.message ?? error), errcode: error?.errcode ?? null });
    }
}

// ---- the session

async function sign_own_device() {
    const has_identity = await crypto.userHasCrossSigningKeys(session.user_id, true);
    if (session.recovery_key) return bootstrap(false); // takes them from the account's secret storage
    if (!session.secrets && has_identity) throw new Error("a second signed device needs the secrets of the first");
    if (!session.secrets) return bootstrap(false);
    await crypto.importSecretsBundle(session.secrets);
    await crypto.crossSignDevice(session.device_id);
}

if (session.cross_signed) await sign_own_device();
await client.startClient({ initialSyncLimit: 100 });
await new Promise((ready) => client.on(sdk.ClientEvent.Sync, (state) => state === "PREPARED" && ready()));
say({ ready: session.device_id });
for await (const line of lines) answer(JSON.parse(line)); // several at a time
client.stopClient();
process.exit(0);
