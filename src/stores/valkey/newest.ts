import { LRUCache } from 'lru-cache'

/**
 * A cache of the `max` entries that were used last. Its memory grows with them: bounded by `max` alone, lru-cache takes
 * the memory of all when it is made.
 */
export function newest<V extends object | number | string>(max: number): LRUCache<string, V> {
  return new LRUCache({ maxSize: max, sizeCalculation: () => 1 })
}
