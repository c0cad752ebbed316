/** How the showcase's page is built, and where `npm run dev` finds the server. */

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  build: {
    // The server's policy lets fonts and scripts come from itself only, so nothing is put into `data:`.
    assetsInlineLimit: 0,
    target: 'baseline-widely-available',
  },
  server: {
    proxy: { '/api/live': { target: 'http://127.0.0.1:3000', ws: true } },
  },
})
