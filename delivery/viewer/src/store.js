// Scripts beside the page call back with what they hold: the only way from a folder into a page.

const asked = new Map();

globalThis.carrierbag = (name, value) => asked.get(name)?.resolve(value);

/** The value that IHE_PDI/<name>.JS calls back with; loaded once. */
export function script(name) {
  if (!asked.has(name)) asked.set(name, load(name));
  return asked.get(name).promise;
}

function load(name) {
  const call = Promise.withResolvers?.() ?? resolvers();
  const element = document.createElement("script");
  element.src = `IHE_PDI/${name}.JS`;
  element.onerror = () => {
    asked.delete(name);
    call.reject(new Error(`IHE_PDI/${name}.JS is missing. Unpack the whole ZIP file again.`));
  };
  element.onload = () => element.remove();
  document.head.append(element);
  return call;
}

function resolvers() {
  const call = {};
  call.promise = new Promise((resolve, reject) => Object.assign(call, { resolve, reject }));
  return call;
}

const packs = new Map();

/** Bytes at [script, offset, length]. */
export async function bytes([name, offset, length]) {
  if (!packs.has(name)) packs.set(name, script(name).then(fromBase64));
  return (await packs.get(name)).subarray(offset, offset + length);
}

export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const data = new Uint8Array(binary.length);
  for (let i = 0; i < data.length; i++) data[i] = binary.charCodeAt(i);
  return data;
}

/** Raw deflate undone. What stands behind its end, as padding of a file, is no matter. */
export async function inflate(data) {
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const chunks = [];
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) chunks.push(step.value);
  } catch (error) {
    if (!chunks.length) throw error;
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
