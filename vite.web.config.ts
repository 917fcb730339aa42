import { readFileSync } from 'node:fs'
import { defineConfig } from 'vite'

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

/** Builds the page of the session list to dist/web. */
export default defineConfig({
  root: 'src/web',
  // Its files are found under any path.
  base: './',
  define: { __VERSION__: JSON.stringify(version) },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // Each would be inline content, which the page's security policy does not allow or need.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
