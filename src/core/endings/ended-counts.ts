import { END_REASONS, type EndReason } from '../session.js'

/** How many sessions this process ended since its start, by reason. */
export class EndedCounts {
  private readonly byReason = new Map<EndReason, number>(END_REASONS.map((reason) => [reason, 0]))

  add(reason: EndReason | undefined): void {
    if (reason !== undefined) {
      this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1)
    }
  }

  get all(): ReadonlyMap<EndReason, number> {
    return this.byReason
  }
}
