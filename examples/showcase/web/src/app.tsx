/** The page: what is on it, and in which order. */

import { ChatPanel } from './chat-panel'
import { ClockPanel } from './clock-panel'
import { ConnectionBanner, OutdatedBanner } from './connection-banner'
import { Counters } from './counters'
import { CursorField } from './cursor-field'
import { GalleryPanel } from './gallery-panel'
import { LedgerPanel } from './ledger-panel'
import { NotebookPanel } from './notebook-panel'
import { ParcelPanel } from './parcel-panel'
import { ProfileForm } from './profile-form'
import { SignupForm } from './signup-form'
import { StatusBar } from './status-bar'
import { TallyPanel } from './tally-panel'
import { ThemeToggle } from './theme-toggle'
import { TillPanel } from './till-panel'
import { Toasts } from './toasts'
import { TodoList } from './todo-list'
import { TogetherHead } from './together'

export function App() {
  return (
    <>
      <div className="banners">
        <ConnectionBanner />
        <OutdatedBanner />
      </div>
      <header className="masthead">
        <div className="masthead-row">
          <p className="wordmark">
            <img src="/icon.svg" alt="" width="24" height="24" />
            FluxStack Live
          </p>
          <ThemeToggle />
        </div>
        <h1>The state of this page lives in Rust.</h1>
        <p className="lede">
          Every number, row and complaint below is a field of a struct on the server. React shows it; a change
          sends only what changed. Open a second tab: the first half is yours alone, the second you share.
        </p>
      </header>
      <main className="sections">
        <Counters />
        <TodoList />
        <div className="stack">
          <ClockPanel />
          <ProfileForm />
          <SignupForm />
        </div>
        <TillPanel />
        <ParcelPanel />
        <NotebookPanel />
        <LedgerPanel />
        <TogetherHead />
        <ChatPanel />
        <div className="stack">
          <TallyPanel />
          <CursorField />
        </div>
        <GalleryPanel />
      </main>
      <Toasts />
      <StatusBar />
    </>
  )
}
