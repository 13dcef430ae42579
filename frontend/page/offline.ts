/** Has the service worker keep what this page has loaded, once the page is done with loading. */

import type { Keep } from "../messages";

export async function keepForOffline(): Promise<void> {
  const container = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (container === undefined) return; // an insecure origin
  await container.register(new URL("../../service-worker.js", import.meta.url));
  const { active } = await container.ready;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
  active?.postMessage({ urls: [location.href.split("#", 1)[0]!, ...loaded] } satisfies Keep);
}
