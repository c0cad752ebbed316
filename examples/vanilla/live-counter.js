// `<live-counter name="tea" start="5">`: a counter whose state lives on the server. Plain JavaScript, as it is here.
import { component, createLiveClient } from './client/index.js'

export const client = createLiveClient()
const Counter = component('Counter', 2)

class LiveCounter extends HTMLElement {
  connectedCallback() {
    const props = { count: Number(this.getAttribute('start') ?? 0) }
    const counter = client.live(Counter, { props, componentId: this.getAttribute('name') ?? undefined })
    this.innerHTML = `<button type="button">less</button> <output>…</output> <button type="button">more</button>`
    const [less, shown, more] = this.children
    less.onclick = counter.call.decrement
    more.onclick = counter.call.increment
    this.leave = counter.subscribe(({ status, state, error }) => {
      shown.textContent = error?.message ?? state?.count ?? '…'
      this.dataset.status = status
      less.disabled = more.disabled = status !== 'live'
    })
  }

  disconnectedCallback() {
    this.leave()
  }
}

customElements.define('live-counter', LiveCounter)
