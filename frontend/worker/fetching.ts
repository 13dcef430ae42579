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

/** Unpacks an asset into `into` while it arrives. Throws unless it is whole, which gzip's checksum tells. */
export async function unpack(
  base: string,
  { name, bytes }: Packed,
  into: Uint8Array,
  onProgress: (part: number) => void = () => undefined,
): Promise<Uint8Array> {
  const { body } = await fetched(base + name);
  const reader = body!.pipeThrough(new DecompressionStream("gzip")).getReader();
  let length = 0;
  for (let { value } = await reader.read(); value; { value } = await reader.read()) {
    into.set(value, length);
    length += value.length;
    onProgress(length / bytes);
  }
  if (length !== bytes) throw new Error(`${name} is damaged.`);
  return into;
}
