/** Light or dark: what the system says, until somebody says otherwise. */

import { useEffect, useState, useSyncExternalStore } from 'react'

type Theme = 'light' | 'dark'

const KEY = 'theme'
const system = window.matchMedia('(prefers-color-scheme: dark)')

function remembered(): Theme | undefined {
  const theme = localStorage.getItem(KEY)
  return theme === 'light' || theme === 'dark' ? theme : undefined
}

function watchSystem(listener: () => void): () => void {
  system.addEventListener('change', listener)
  return () => system.removeEventListener('change', listener)
}

export function ThemeToggle() {
  const [chosen, choose] = useState(remembered)
  const preferred = useSyncExternalStore<Theme>(watchSystem, () => (system.matches ? 'dark' : 'light'))
  const theme = chosen ?? preferred

  useEffect(() => {
    if (chosen) document.documentElement.dataset.theme = chosen
  }, [chosen])

  function toggle(): void {
    const next = theme === 'dark' ? 'light' : 'dark'
    localStorage.setItem(KEY, next)
    choose(next)
  }

  return (
    <button
      type="button"
      className="quiet icon"
      aria-label="Dark theme"
      aria-pressed={theme === 'dark'}
      onClick={toggle}
      data-testid="theme"
    >
      <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
        {theme === 'dark' ? (
          <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z" />
        ) : (
          <path d="M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2m9-9h-2M5 12H3m15.4-6.4L17 7M7 17l-1.4 1.4m12.8 0L17 17M7 7 5.600 5.600" />
        )}
      </svg>
    </button>
  )
}
