// What some of its packages expect of Node.
export { Buffer } from "buffer/";
export const process = { env: {}, browser: true, nextTick: (call, ...given) => queueMicrotask(() => call(...given)) };
