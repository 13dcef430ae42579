/**
 * Which cells must run before a cell can: all above it, from the first on whose present code has not run, or has run
 * before one that stands above it ran again.
 */

export interface Ran {
  readonly generation: number;
  readonly source: string;
  /** Grows from run to run. */
  readonly turn: number;
}

export interface CellLike {
  readonly source: string;
  readonly ran: Ran | null;
}

export const isLive = (cell: CellLike, generation: number): boolean =>
  cell.ran !== null && cell.ran.generation === generation && cell.ran.source === cell.source;

/** The cell itself comes last, whether it has run before or not. */
export function toRun<T extends CellLike>(cells: readonly T[], target: T, generation: number): T[] {
  const above = cells.slice(0, cells.indexOf(target));
  let last = 0;
  const first = above.findIndex((cell) => {
    const isNext = isLive(cell, generation) && cell.ran !== null && cell.ran.turn > last;
    last = cell.ran?.turn ?? last;
    return !isNext;
  });
  return first === -1 ? [target] : [...above.slice(first), target];
}
