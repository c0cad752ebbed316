// A page without a framework: what is shared by everybody, and a list. Each is a handle, and a function that draws.
import { component } from './client/index.js'
import { client } from './live-counter.js'

const $ = (id) => document.getElementById(id)

/** Draws every view of a handle into a section, and says there what went wrong. */
function draw(handle, section, paint) {
  handle.subscribe(({ status, state, error }) => {
    section.dataset.status = status
    section.querySelector('[role=alert]').textContent = error?.message ?? ''
    if (state) paint(state)
  })
}

const tally = client.live(component('Tally'))
draw(tally, $('tally'), ({ count }) => {
  $('tally-count').textContent = count
})
$('tally-more').onclick = tally.call.increment

// What is typed shows at once, because the server is likely to say the same.
const todos = client.live(component('Todos'), {
  optimistic: {
    add: ({ items, open }, { text }) => ({ items: [{ id: 0, text, done: false }, ...items], open: open + 1 }),
  },
})
draw(todos, $('todos'), ({ items, open }) => {
  // The newest: what is not looked at is not worth an element.
  $('todo-rows').replaceChildren(...items.slice(0, 5).map(row))
  $('todo-open').textContent = open
})

function row({ text, done }) {
  const line = document.createElement('li')
  line.textContent = text
  line.dataset.done = done
  return line
}

$('todo-form').onsubmit = async (event) => {
  event.preventDefault()
  const input = $('todo-text')
  const text = input.value
  input.value = ''
  await todos.call.add({ text }).catch((error) => {
    $('todos').querySelector('[role=alert]').textContent = error.fields.text ?? error.message
    input.value = text
  })
}

const say = () => {
  $('status').textContent = client.getStatus()
}
client.subscribeStatus(say)
say()
