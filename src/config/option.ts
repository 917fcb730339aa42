/** One option of `sessiond serve`. `T` is what its text becomes. */
export type Option<T> = {
  /** The flag is `--NAME`, the variable `SESSIOND_NAME`, the key in a `--config` file `NAME`. */
  readonly name: string
  /** Stands after the flag in `--help`. */
  readonly placeholder: string
  readonly help: string
  /** Several values, between commas; the flag may be repeated, and a file may hold an array. */
  readonly isList?: true
  /** What the flag without a value stands for. */
  readonly bare?: string
  /** Throws an Error that says what would be right. */
  readonly parse: (text: string) => T
} & (
  | { readonly default: string | InDataDir }
  /** The value of an option that has no default and was not given. */
  | { readonly unset: T }
)

/** A default that is a file in the data directory. */
export interface InDataDir {
  readonly inDataDir: string
}

/** Infers `T`. */
export const option = <T>(option: Option<T>): Option<T> => option

/** What the options of a table become, by their keys. */
export type ValuesOf<Table> = {
  readonly [K in keyof Table]: Table[K] extends Option<infer T> ? T : never
}

/** The variable that stands for an option. */
export function variableOf(name: string): string {
  return `SESSIOND_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The default as `--help` and docs/configuration.md show it; undefined: there is none. */
export function defaultText(option: Option<unknown>): string | undefined {
  if ('unset' in option) {
    return undefined
  }
  const { default: fallback } = option
  return typeof fallback === 'string' ? fallback : `${fallback.inDataDir} in the data directory`
}
