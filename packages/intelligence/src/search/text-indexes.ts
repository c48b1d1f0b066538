import type { EventSource, EventView, ReadScope } from "@strata/engine";
import { EVERYTHING } from "@strata/storage";
import type { Indexes } from "../partition/indexes.js";
import {
  type EntryLayer,
  EventLayer,
  type LayerGround,
  PendingEventLayer,
  PendingLayer,
  TableLayer,
} from "./entry-layer.js";
import type { TextPrimitive } from "./entry-text.js";
import type { EventIndexes } from "./event-indexes.js";
import { PendingEventTexts, PendingTexts } from "./pending-texts.js";
import { type TextKinds, textKinds } from "./text-index.js";

/** The words of what one transaction has written, by primitive and space. */
class OwnTexts {
  readonly #stem: boolean;
  readonly #tables = new Map<string, PendingTexts>();
  readonly #events = new Map<string, PendingEventTexts>();

  constructor(stem: boolean) {
    this.#stem = stem;
  }

  table(primitive: TextPrimitive, space: string): PendingTexts {
    const place = `${primitive}:${space}`;
    let texts = this.#tables.get(place);
    if (texts === undefined) {
      texts = new PendingTexts(primitive, this.#stem);
      this.#tables.set(place, texts);
    }
    return texts;
  }

  events(space: string): PendingEventTexts {
    let texts = this.#events.get(space);
    if (texts === undefined) {
      texts = new PendingEventTexts(this.#stem);
      this.#events.set(space, texts);
    }
    return texts;
  }
}

/** The words of a database: of its tables, each indexed when somebody searches it, of its events, and of what transactions have written. */
export class TextIndexes {
  readonly #indexes: Indexes;
  readonly #kinds: TextKinds;
  readonly #stem: boolean;
  readonly #events: EventIndexes;
  /** By the scope of the transaction: it ends with it. */
  readonly #own = new WeakMap<ReadScope, OwnTexts>();

  /** @param stem whether English words are found in all their forms. */
  constructor(indexes: Indexes, events: EventIndexes, stem: boolean) {
    this.#indexes = indexes;
    this.#events = events;
    this.#stem = stem;
    this.#kinds = textKinds(stem);
  }

  /**
   * What the scope sees of one table, caught up. Unobserved.
   *
   * @throws StateError `HISTORY_TRIMMED`, facts.earliest
   */
  addTable(layers: EntryLayer[], ground: LayerGround, primitive: TextPrimitive, observe: boolean): void {
    const { scope, space } = ground;
    const table = space === scope.space ? scope.table(primitive) : scope.tableIn(space, primitive);
    const view = table.view();
    if (observe) table.observeRange(EVERYTHING, "values");
    for (const layer of this.#indexes.layersOf(this.#kinds[primitive], view)) {
      layers.push(new TableLayer(ground, primitive, layer));
    }
    if (view.pending === undefined) return;
    const texts = this.#ownTexts(scope).table(primitive, space);
    texts.update(view.pending);
    layers.push(new PendingLayer(ground, primitive, texts));
  }

  /** The same of the events of a space. */
  addEvents(layers: EntryLayer[], ground: LayerGround, observe: boolean): void {
    const { scope, space } = ground;
    const events: EventSource = space === scope.space ? scope.events : scope.eventsIn(space);
    const view: EventView = events.view();
    if (observe) events.observeAll();
    for (const layer of view.layers) layers.push(new EventLayer(ground, this.#events.textsOf(layer), layer.end));
    if (view.pending.length === 0) return;
    const texts = this.#ownTexts(scope).events(space);
    texts.update(view.pending);
    layers.push(new PendingEventLayer(ground, texts, view.pending));
  }

  #ownTexts(scope: ReadScope): OwnTexts {
    let own = this.#own.get(scope);
    if (own === undefined) {
      own = new OwnTexts(this.#stem);
      this.#own.set(scope, own);
    }
    return own;
  }
}
