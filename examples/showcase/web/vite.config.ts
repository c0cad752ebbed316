/** How the showcase's page is built, and where `npm run dev` finds the server. */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Puts the page that needs no build beside the one that was built, with the client as npm installs it. */
function vanilla(): Plugin {
  const folders = [
    ['../../vanilla/', 'vanilla/', /\.(js|css|html)$/],
    ['../../../packages/client/dist/', 'vanilla/client/', /^(?!fake-|testing).*\.js$/],
  ] as const
  return {
    name: 'vanilla',
    generateBundle() {
      for (const [from, to, wanted] of folders) {
        const folder = fileURLToPath(new URL(from, import.meta.url))
        for (const name of readdirSync(folder).filter((name) => wanted.test(name))) {
          this.emitFile({ type: 'asset', fileName: to + name, source: readFileSync(folder + name, 'utf8') })
        }
      }
    },
  }
}

export default defineConfig({
  plugins: [react(), vanilla()],
  build: {
    // The server's policy lets fonts and scripts come from itself only, so nothing is put into `data:`.
    assetsInlineLimit: 0,
    target: 'baseline-widely-available',
  },
  server: {
    proxy: { '/api/live': { target: 'http://127.0.0.1:3000', ws: true } },
  },
})
