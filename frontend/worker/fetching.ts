/** Reads the site's own files. */

import type { Packed } from "./start";

export async function fetched(url: string, init?: RequestInit): Promise<Response> {
  const name = url.slice(url.lastIndexOf("/") + 1);
  const response = await fetch(url, init).catch(() => {
    throw new Error(`${name} could not be loaded: is there a connection? Check again when there is.`);
  });
  if (response.ok) return response;
  throw new Error(`${name} could not be loaded (${response.status}). Reload the page to try again.`);
}

/** Unpacks an asset into `into` while it arrives. Throws unless it is what its name says. */
export async function unpack(
  base: string,
  { name, bytes }: Packed,
  into: Uint8Array,
  onProgress: (part: number) => void = () => undefined,
): Promise<Uint8Array> {
  const { body } = await fetched(base + name);
  const packed: BlobPart[] = [];
  const keep = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      packed.push(chunk);
      controller.enqueue(chunk);
    },
  });
  const reader = body!.pipeThrough(keep).pipeThrough(new DecompressionStream("gzip")).getReader();
  let length = 0;
  for (let { value } = await reader.read(); value; { value } = await reader.read()) {
    into.set(value, length);
    length += value.length;
    onProgress(length / bytes);
  }
  if (length !== bytes || !(await isNamedByHash(name, packed))) throw new Error(`${name} is damaged.`);
  return into;
}

/** Browsers can hash only on secure origins; elsewhere gzip's own checksum has to do. */
async function isNamedByHash(name: string, content: BlobPart[]): Promise<boolean> {
  if (!globalThis.isSecureContext) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(content).arrayBuffer()));
  const hash = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hash.startsWith(/-([0-9a-f]{16})\./.exec(name)?.[1] ?? "none");
}
