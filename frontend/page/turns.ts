/** Work in tasks of its own, so that none of it holds up the page. */

import type { LitElement } from "lit";

export const anotherTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

let last: Promise<void> = Promise.resolve();

/** Waits for a task after that of everyone who asked before. Answers whether the element is still to be brought to life. */
export async function turn(element: LitElement): Promise<boolean> {
  await (last = last.then(anotherTask));
  return element.isConnected && !element.hasUpdated;
}
