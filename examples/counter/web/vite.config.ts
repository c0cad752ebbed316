/** The page is served by vite, what is live comes from the Rust program. */

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [react()],
  server: {
    proxy: { '/api/live': { target: 'http://127.0.0.1:4000', ws: true } },
  },
})
