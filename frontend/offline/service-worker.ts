/**
 * Lets a second visit work without a connection.
 *
 * What carries its hash in its name never changes: it comes from the cache. All else comes from the network, and from
 * the cache where there is none, so that nobody reads yesterday's page.
 */

import type { Keep } from "../messages";

declare const self: ServiceWorkerGlobalScope;

const CACHE = "effectively-once";
const HASHED = /-[0-9a-f]{16}(?=[./])/;
const LIVE_RELOAD = /\/livereload\//; // a request of `make serve` that waits for the next edit

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => event.waitUntil(keep(event.data as Keep)));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method !== "GET" || !isOurs(url) || LIVE_RELOAD.test(url)) return;
  event.respondWith(HASHED.test(url) ? fromCache(event.request) : fromNetwork(event.request));
});

const isOurs = (url: string): boolean => url.startsWith(self.registration.scope);

/** What a page had loaded before this worker was there to see it. */
async function keep({ urls }: Keep): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const url of urls.filter(isOurs)) {
    if ((await cache.match(url)) === undefined) await cache.add(url).catch(unkept);
  }
}

async function fromCache(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? fetchAndKeep(cache, request);
}

async function fromNetwork(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetchAndKeep(cache, request);
    if (response.ok && request.url.endsWith("/manifest.json")) await forget(cache, await response.clone().text());
    if (response.ok || request.mode === "navigate") return response;
    return (await cache.match(request)) ?? response; // a page that is open asks for a part of its own time
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: request.mode === "navigate" });
    if (kept === undefined) throw error;
    return kept;
  }
}

async function fetchAndKeep(cache: Cache, request: Request): Promise<Response> {
  const response = await fetch(request);
  if (response.status === 200) cache.put(request, response.clone()).catch(unkept);
  return response;
}

/** Drops the files whose hash a new manifest does not name. */
async function forget(cache: Cache, manifest: string): Promise<void> {
  for (const request of await cache.keys()) {
    const hash = HASHED.exec(request.url)?.[0];
    if (hash !== undefined && !manifest.includes(hash)) await cache.delete(request);
  }
}

/** A full disk is no reason not to show the page. */
const unkept = (error: unknown): void => console.warn("This will not be there without a connection.", error);
