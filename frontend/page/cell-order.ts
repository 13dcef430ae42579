/** Which cells must run before a cell can: all above it whose present code has not run yet. */

export interface Ran {
  readonly generation: number;
  readonly source: string;
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
  return [...above.filter((cell) => !isLive(cell, generation)), target];
}
