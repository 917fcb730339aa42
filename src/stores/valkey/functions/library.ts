import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const text = ['library.lua', 'pages.lua']
  .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
  .join('\n')

/** Changes with the source, so that servers of two releases can share an engine while one replaces the other. */
const NAME = `sessiond_${hash('sha256', text).slice(0, 12)}`

/** The functions that the engine runs for us. A master that lacks them gets them by FUNCTION LOAD. */
export const LIBRARY = { name: NAME, source: text.replaceAll('NAME', NAME) } as const

/** A function of the library; what it takes and returns is in library.lua and pages.lua. */
export type LibraryFunction = 'commit' | 'look' | 'which' | 'page' | 'after' | 'scan' | 'behind'

/** The name of a function, as FCALL takes it. */
export function nameInEngine(name: LibraryFunction): string {
  return `${NAME}_${name}`
}
