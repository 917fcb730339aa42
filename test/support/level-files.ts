import { fileURLToPath } from 'node:url'

/** The files of a store of layout 1. */
export const SAMPLE = fileURLToPath(
  new URL('../samples/store-layout-1/data/store/', import.meta.url),
)

export const text = (character: string, length: number) => Buffer.alloc(length, character)

/** A copy in which one byte differs. */
export const altered = (bytes: Buffer, at: number, mask = 1) => {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] as number) ^ mask
  return copy
}
