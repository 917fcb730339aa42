import { Slots } from '../../../core/slots.js'
import type { AfterQuery, ListPart, ListQuery, SessionPage } from '../../../core/store-lists.js'
import { sessionsAfter } from './after.js'
import type { KeptSessions } from './kept-sessions.js'
import { isShort, listSessions, type OnDamaged } from './list.js'
import type { Places } from './places.js'
import type { Read } from './scan.js'
import { SharedLists } from './shared-lists.js'
import { View } from './view.js'

/** `SessionStore.list`: each list walks by itself if a short walk suffices, and shares a walk otherwise. And `listAfter`. */
export class Lists {
  /** The most reads that a write ever waits for. */
  private readonly short = new Slots(4)
  private readonly shared: SharedLists

  /** `onDamaged`: as for `listSessions`. */
  constructor(
    private readonly read: Read,
    private readonly kept: KeptSessions,
    private readonly places: Places,
    private readonly onDamaged?: OnDamaged,
  ) {
    this.shared = new SharedLists(() => View.open(read), onDamaged)
  }

  /** A short walk has an end soon. A long one goes on as long as somebody waits for it. */
  async page(query: ListQuery, signal?: AbortSignal): Promise<SessionPage> {
    const own = async () => {
      signal?.throwIfAborted()
      return isShort(query) || !this.shared.isWalking(query)
        ? this.read((level) =>
            this.kept.during((kept) =>
              listSessions(level, query, { places: this.places, kept }, this.onDamaged),
            ),
          )
        : null
    }
    return (await this.short.run(own)) ?? this.shared.list(query, signal)
  }

  after(query: AfterQuery): Promise<ListPart> {
    return this.short.run(() => this.read((level) => sessionsAfter(level, query, this.onDamaged)))
  }
}
