/** Where the page begins. */

import '@fontsource-variable/geist/wght.css'
import './styles/base.css'
import './styles/controls.css'
import './styles/layout.css'
import './styles/counters.css'
import './styles/todos.css'
import './styles/panels.css'
import './styles/ledger.css'
import './styles/till.css'
import './styles/notebook.css'
import './styles/people.css'
import './styles/chat.css'
import './styles/cursors.css'
import './styles/uploads.css'
import './styles/status.css'
import { LiveProvider } from '@fluxstack/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app'
import { client } from './client'

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <LiveProvider value={client}>
      <App />
    </LiveProvider>
  </StrictMode>,
)
