/** The package's version when the page was built. */
declare const __VERSION__: string
