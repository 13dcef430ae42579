/** What differs between two texts, by line: the longest common subsequence. */

export interface DiffLine {
  readonly kind: "same" | "only-left" | "only-right";
  readonly text: string;
}

/** Quadratic, which is nothing for files of a few hundred lines. */
export function lineDiff(left: string, right: string): DiffLine[] {
  const a = lines(left);
  const b = lines(right);
  const common = commonLengths(a, b);
  const result: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const x = a[i];
    const y = b[j];
    if (x !== undefined && x === y) {
      result.push({ kind: "same", text: x });
      i += 1;
      j += 1;
    } else if (y === undefined || (x !== undefined && at(common, i + 1, j) >= at(common, i, j + 1))) {
      result.push({ kind: "only-left", text: x ?? "" });
      i += 1;
    } else {
      result.push({ kind: "only-right", text: y });
      j += 1;
    }
  }
  return result;
}

const lines = (text: string): string[] => text.replace(/\n+$/, "").split("\n");

const at = (table: number[][], i: number, j: number): number => table[i]?.[j] ?? 0;

/** `table[i][j]`: how many lines `a` from `i` and `b` from `j` have in common, in order. */
function commonLengths(a: readonly string[], b: readonly string[]): number[][] {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = table[i] as number[];
      row[j] =
        a[i] === b[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}
