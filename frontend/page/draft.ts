/**
 * One exercise's code and where it is kept.
 *
 * Rules:
 * - What the learner typed is never thrown away: not by a reset, another tab, a newer starter,
 *   a full or blocked storage, or a record that cannot be read.
 * - A version from another tab is offered, never taken. Until the learner chooses, this tab saves
 *   to a key of its own. Tabs that were closed before a choice leave theirs: each is offered, one by one.
 * - Nothing here touches the page, so all of it is tested without one.
 */

/** The part of `localStorage` that is used. Every call may throw: blocked, full, or private. */
export type Storage = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** `1` is the version of the record: another shape gets another key. */
const keyOf = (exercise: string): string => `effectively-once/1/code/${exercise}`;

interface Saved {
  readonly source: string;
  /** The starter that this code began from: tells when a release brings another. */
  readonly starter: string;
  readonly earlier: Earlier | null;
}

/** Code that was replaced as a whole, so that it can be brought back, after a reload too. */
export interface Earlier {
  readonly source: string;
  readonly replacedBy: "reset" | "switch";
}

export type Trouble = "full" | "blocked";

export class Draft {
  source: string;
  earlier: Earlier | null = null;
  /** Another tab's version of this code, to be chosen or declined. */
  other: string | null = null;
  newerStarter = false;
  trouble: Trouble | null = null;
  /** What a damaged record held, so that it can be downloaded; kept until the learner forgets it. */
  damaged: string | null = null;
  unsaved = false;

  readonly key: string;
  readonly #damagedKey: string;
  readonly #asideKey: string;
  /** Where `other` is kept, if it is a version that was set aside. */
  #otherKey: string | null = null;
  readonly #storage: () => Storage;
  #beganFrom: string;
  #lastSeen: string | null = null;
  #saveTo: string;

  constructor(
    exercise: string,
    readonly starter: string,
    storage: () => Storage,
  ) {
    this.key = keyOf(exercise);
    this.#damagedKey = `${this.key}/damaged`;
    this.#asideKey = `${this.key}/aside/${String(Math.random()).slice(2)}`;
    this.#saveTo = this.key;
    this.#storage = storage;
    this.source = starter;
    this.#beganFrom = starter;
    this.#load();
  }

  edit(source: string): void {
    if (source === this.source) return;
    this.source = source;
    if (source === this.earlier?.source) this.earlier = null; // the editor's own undo did it
    this.unsaved = true;
  }

  reset(): void {
    if (this.source === this.starter) return;
    this.#replace(this.starter, "reset");
  }

  /** What was written since the reset can be brought back in its turn. */
  bringBackEarlier(): void {
    if (this.earlier === null) return;
    if (this.source === this.starter) this.edit(this.earlier.source);
    else this.#replace(this.earlier.source, "switch");
  }

  /** Keeps the learner's code; the newer starter is not mentioned again. */
  dismissStarter(): void {
    this.newerStarter = false;
    this.#beganFrom = this.starter;
    this.unsaved = true;
  }

  forgetDamaged(): void {
    this.damaged = null;
    try {
      this.#storage().removeItem(this.#damagedKey);
    } catch {
      this.trouble = "blocked";
    }
  }

  /** The `storage` event: another tab wrote `raw` under our key. */
  hear(raw: string | null): void {
    const saved = raw === null ? null : parse(raw);
    this.other = saved !== null && saved.source !== this.source ? saved.source : null;
    this.#otherKey = null;
    this.#saveTo = this.other === null ? this.key : this.#asideKey;
    if (this.other === null && raw !== null) this.#lastSeen = raw;
  }

  /** The page was out of sight, and may not have heard of another tab. */
  look(): void {
    try {
      this.#lookForOtherTab(this.#storage());
    } catch {
      this.trouble = "blocked";
    }
  }

  takeOther(): void {
    if (this.other === null) return;
    this.#replace(this.other, "switch");
    this.#settle();
  }

  keepMine(): void {
    this.unsaved = true;
    this.#settle();
  }

  /** Writes what is unsaved, unless another tab wrote first: then the learner is asked. */
  save(): void {
    if (!this.unsaved) return;
    try {
      const storage = this.#storage();
      this.#rescueDamaged(storage);
      this.#lookForOtherTab(storage);
      const raw = JSON.stringify(this.#record());
      storage.setItem(this.#saveTo, raw);
      if (this.#saveTo === this.key) this.#lastSeen = raw;
      this.unsaved = false;
      this.trouble = null;
    } catch (error) {
      this.trouble = isFull(error) ? "full" : "blocked";
    }
  }

  #load(): void {
    try {
      const storage = this.#storage();
      const raw = storage.getItem(this.key);
      this.damaged = storage.getItem(this.#damagedKey);
      if (raw !== null) this.#adopt(raw, storage);
      this.#offerAside(storage);
    } catch (error) {
      this.trouble = isFull(error) ? "full" : "blocked";
    }
  }

  #adopt(raw: string, storage: Storage): void {
    this.#lastSeen = raw;
    const saved = parse(raw);
    if (saved === null) {
      this.damaged = raw;
      this.#rescueDamaged(storage);
      return;
    }
    this.earlier = saved.earlier;
    if (saved.source === saved.starter) return; // never changed: the present starter is right
    this.source = saved.source;
    this.#beganFrom = saved.starter;
    this.newerStarter = saved.starter !== this.starter && saved.source !== this.starter;
  }

  #replace(source: string, replacedBy: Earlier["replacedBy"]): void {
    if (this.earlier === null || this.source !== this.starter) this.earlier = { source: this.source, replacedBy };
    this.source = source;
    this.#beganFrom = this.starter;
    this.newerStarter = false;
    this.unsaved = true;
  }

  /** Before anything is written over it. */
  #rescueDamaged(storage: Storage): void {
    if (this.damaged !== null) storage.setItem(this.#damagedKey, this.damaged);
  }

  /** One of the versions that were set aside; those that are here already are of no use any more. */
  #offerAside(storage: Storage): void {
    const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index));
    for (const key of keys) {
      if (key === null || key === this.#asideKey || !key.startsWith(`${this.key}/aside`)) continue;
      const aside = parse(storage.getItem(key) ?? "");
      if (aside === null) continue;
      if (aside.source === this.source) {
        storage.removeItem(key);
      } else {
        this.other = aside.source;
        this.#otherKey = key;
        return;
      }
    }
  }

  #lookForOtherTab(storage: Storage): void {
    const raw = storage.getItem(this.key);
    if (raw !== null && raw !== this.#lastSeen) this.hear(raw);
  }

  /** The learner has chosen: what storage holds now may be overwritten. */
  #settle(): void {
    const settled = this.#otherKey;
    this.other = null;
    this.#otherKey = null;
    this.#saveTo = this.key;
    try {
      const storage = this.#storage();
      this.#lastSeen = storage.getItem(this.key);
      this.save();
      if (this.unsaved) return;
      for (const key of [this.#asideKey, settled]) if (key !== null) storage.removeItem(key);
      this.#offerAside(storage);
    } catch {
      this.trouble = "blocked";
    }
  }

  #record(): Saved {
    return { source: this.source, starter: this.#beganFrom, earlier: this.earlier };
  }
}

function parse(raw: string): Saved | null {
  try {
    const value = JSON.parse(raw) as Partial<Saved> | null;
    if (typeof value?.source !== "string" || typeof value.starter !== "string") return null;
    const earlier = typeof value.earlier?.source === "string" ? value.earlier : null;
    return { source: value.source, starter: value.starter, earlier };
  } catch {
    return null;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && /quota/i.test(error.name);
}
