/** Where a message is typed. */

import { type Calls, LiveError } from '@fluxstack/client'
import { type FormEvent, useId, useState } from 'react'
import type { ChatShape } from './live.gen'

interface FormProps {
  readonly call: Calls<ChatShape>
  readonly stale: boolean
  readonly onTyping: () => void
}

export function ChatForm({ call, stale, onTyping }: FormProps) {
  const [text, setText] = useState('')
  const [complaint, complain] = useState<string>()
  const complaintId = useId()

  async function say(event: FormEvent): Promise<void> {
    event.preventDefault()
    // What is sent goes out of the way at once: answers take their time, and come even after a lost connection.
    setText('')
    try {
      await call.say({ text })
      complain(undefined)
    } catch (cause) {
      complain(cause instanceof LiveError ? (cause.fields.text ?? cause.message) : String(cause))
      setText((typed) => typed || text)
    }
  }

  return (
    <form className="chat-form" onSubmit={(event) => void say(event)}>
      <input
        type="text"
        aria-label="Your message"
        placeholder={stale ? 'Sent when the connection is back…' : 'Say something…'}
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          if (!stale && event.target.value !== '') onTyping()
        }}
        aria-invalid={complaint !== undefined}
        aria-describedby={complaintId}
        autoComplete="off"
        data-testid="chat-text"
      />
      <button type="submit" className="primary" data-testid="chat-send">
        Send
      </button>
      <p id={complaintId} className="complaint" aria-live="polite" data-testid="chat-complaint">
        {complaint}
      </p>
    </form>
  )
}
