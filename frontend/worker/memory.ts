/** Python's memory: how much it starts with, and how much it may take. */

/** How far Python may grow beyond its start: then it raises MemoryError, and the browser's tab survives. */
const MOST_GROWTH = 512 * 1024 * 1024;
const PAGE = 64 * 1024;

/**
 * From now on a WebAssembly instance gets at least `atLeast` bytes, since Pyodide restores a larger snapshot only
 * into a memory that has grown before, and at most MOST_GROWTH more. It starts when `ready` has resolved.
 *
 * Pyodide logs a failed instantiation and then waits for ever, so the failure is told by the promise's rejection.
 */
export function manageMemory(atLeast: number, ready: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    WebAssembly.instantiateStreaming = async (source, imports) => {
      try {
        const made = await instantiateStreaming(source, imports);
        await ready;
        limit(made.instance.exports.memory as WebAssembly.Memory, atLeast);
        return made;
      } catch (error) {
        reject(error);
        throw error;
      }
    };
  });
}

const instantiateStreaming = WebAssembly.instantiateStreaming.bind(WebAssembly);

function limit(memory: WebAssembly.Memory, atLeast: number): void {
  const lacking = Math.ceil((atLeast - memory.buffer.byteLength) / PAGE);
  if (lacking > 0) memory.grow(lacking);
  const most = memory.buffer.byteLength + MOST_GROWTH;
  const grow = memory.grow.bind(memory);
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * PAGE > most) throw new RangeError("Python may not take more memory.");
    return grow(pages);
  };
}
