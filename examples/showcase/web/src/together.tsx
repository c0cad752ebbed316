/** The second half of the page: what everybody on this server shares. */

import { VisitorForm } from './visitor-form'

export function TogetherHead() {
  return (
    <section className="part wide" aria-labelledby="together">
      <div>
        <h2 id="together">Together</h2>
        <p className="about">
          What follows is one and the same for everybody on this server. Open this page a second time, in
          another window or on another machine.
        </p>
      </div>
      <VisitorForm />
    </section>
  )
}
