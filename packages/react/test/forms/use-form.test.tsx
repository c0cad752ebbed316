// @vitest-environment jsdom
import { LiveError } from '@fluxstack/client'
import { LiveProvider, useLive } from '@fluxstack/react'
import { act, cleanup, fireEvent, screen } from '@testing-library/react'
import { Activity, StrictMode, useActionState } from 'react'
import { useFormStatus } from 'react-dom'
import { renderToString } from 'react-dom/server'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { show } from '../page.js'
import { EMPTY, fillIn, type Shown, Signup, SignupPage, sent, signingUp, useSignupForm } from './signup.js'

afterEach(() => {
  cleanup()
  vi.useRealTimers()
})

describe('what is typed', () => {
  test('shows at once, and is sent with one change under way at a time', async () => {
    const server = signingUp()
    const { user, input, settled } = await fillIn(server)
    await user.type(input('email'), 'ada@')
    expect(input('email').value).toBe('ada@')
    await settled()
    expect(input('email').value).toBe('ada@')
    const emails = sent(server).map(({ email }) => email)
    expect(emails.at(-1)).toBe('ada@')
    expect(screen.getByRole('status').textContent).toBe('dirty settled')
  })

  test('shows elsewhere on the page as soon as it is sent, and is never overwritten by an older answer', async () => {
    const server = signingUp()
    const { input, form } = await fillIn(server)
    for (const value of ['a', 'ab', 'abc']) {
      fireEvent.change(input('email'), { target: { value } })
      expect(input('email').value).toBe(value)
    }
    expect(screen.getByTestId('server').textContent).toBe('a')
    const seen: string[] = []
    const leave = form().signup.subscribe(() => seen.push(input('email').value))
    await act(() => server.settled())
    expect(input('email').value).toBe('abc')
    leave()
    expect(new Set(seen)).toEqual(new Set(['abc']))
    expect(sent(server).map(({ email }) => email)).toEqual(['a', 'abc'])
  })

  test('gives way to what the server makes of it, and to what others type', async () => {
    const server = signingUp()
    const { input, doing } = await fillIn(server)
    await doing(() => fireEvent.change(input('name'), { target: { value: '  Ada' } }))
    expect(input('name').value).toBe('Ada')
    const { form } = { form: { values: { ...EMPTY, name: 'Grace' }, errors: {}, tried: false } }
    await doing(() => server.push(Signup, { form }))
    expect(input('name').value).toBe('Grace')
  })

  test('waits for a pause, and no longer than it may', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const server = signingUp()
    const { input, doing } = await fillIn(server, { options: { debounceMs: 200, throttleMs: 500 } })
    const type = (value: string): boolean => fireEvent.change(input('email'), { target: { value } })
    type('a')
    await doing(() => vi.advanceTimersByTime(199))
    type('ab')
    await doing(() => vi.advanceTimersByTime(199))
    expect(sent(server)).toEqual([])
    expect(screen.getByRole('status').textContent).toBe('dirty pending')
    type('abc')
    await doing(() => vi.advanceTimersByTime(102))
    expect(sent(server).map(({ email }) => email)).toEqual(['abc'])
    type('abcd')
    await doing(() => vi.advanceTimersByTime(200))
    expect(sent(server).at(-1)?.email).toBe('abcd')
    type('abcde')
    await doing(() => fireEvent.blur(input('email')))
    expect(sent(server).at(-1)?.email).toBe('abcde')
  })

  test.each(['blur', 'manual'] as const)('is sent when the author wants it: %s', async (syncOn) => {
    const server = signingUp()
    const { user, input, form, doing, by } = await fillIn(server, { options: { syncOn } })
    await by(() => user.type(input('email'), 'ada@'))
    expect(input('email').value).toBe('ada@')
    expect(sent(server)).toEqual([])
    await by(() => user.tab())
    expect(sent(server)).toHaveLength(syncOn === 'blur' ? 1 : 0)
    await doing(() => form().flush())
    expect(sent(server).map(({ email }) => email)).toEqual(['ada@'])
  })

  test('is sent when the page is hidden or left, and when the form goes', async () => {
    const server = signingUp()
    const { input, show: again, doing } = await fillIn(server, { options: { debounceMs: 60_000 } })
    const type = (value: string): boolean => fireEvent.change(input('email'), { target: { value } })
    type('left@')
    await doing(() => window.dispatchEvent(new Event('pagehide')))
    expect(sent(server).at(-1)?.email).toBe('left@')
    type('hidden@')
    const hidden = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
    await doing(() => document.dispatchEvent(new Event('visibilitychange')))
    hidden.mockRestore()
    expect(sent(server).at(-1)?.email).toBe('hidden@')
    type('gone@')
    await doing(() => again(<p>elsewhere</p>))
    expect(sent(server).at(-1)?.email).toBe('gone@')
  })

  test('is not sent because the page is hidden or left, or the form goes, when that is manual', async () => {
    const server = signingUp()
    const { input, show: again, doing } = await fillIn(server, { options: { syncOn: 'manual' } })
    fireEvent.change(input('email'), { target: { value: 'a draft' } })
    const hidden = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
    await doing(() => document.dispatchEvent(new Event('visibilitychange')))
    hidden.mockRestore()
    await doing(() => window.dispatchEvent(new Event('pagehide')))
    expect([sent(server), input('email').value]).toEqual([[], 'a draft'])
    await doing(() => again(<p>elsewhere</p>))
    expect(sent(server)).toEqual([])
  })

  test('is not sent to an instance that was mounted afresh, nor by reset, when that is manual', async () => {
    const server = signingUp()
    const { input, form, doing, settled } = await fillIn(server, { options: { syncOn: 'manual' } })
    fireEvent.change(input('email'), { target: { value: 'a draft' } })
    await doing(() => server.restart())
    await settled()
    expect([sent(server), input('email').value]).toEqual([[], 'a draft'])
    await doing(() => form().flush())
    expect(sent(server).map(({ email }) => email)).toEqual(['a draft'])
    await doing(() => form().reset())
    expect([sent(server).length, input('email').value]).toEqual([1, ''])
    await doing(() => form().flush())
    expect(sent(server).map(({ email }) => email)).toEqual(['a draft', ''])
  })

  test('is a number, nothing, a choice, several, or a row of a list, as the input is', async () => {
    const server = signingUp()
    const { user, input, by } = await fillIn(server)
    const last = () => sent(server).at(-1)
    await by(() => user.type(input('age'), '36'))
    expect(last()?.age).toBe(36)
    await by(() => user.clear(input('age')))
    expect([last()?.age, input('age').value]).toEqual([null, ''])
    await by(() => user.selectOptions(input('plan'), 'team'))
    expect(last()?.plan).toBe('team')
    await by(() => user.click(input('solo plan')))
    expect([last()?.plan, input('plan').value]).toEqual(['solo', 'solo'])
    await by(() => user.click(input('newsletter')))
    expect([last()?.newsletter, input('newsletter').checked]).toEqual([true, true])
    await by(() => user.selectOptions(input('tags'), ['red', 'green']))
    expect(last()?.tags).toEqual(['red', 'green'])
    await by(() => user.click(input('red tag')))
    expect([last()?.tags, input('green tag').checked]).toEqual([['green'], true])
    await by(() => user.type(input('amount'), '2'))
    expect(last()?.lines).toEqual([{ what: 'tea', amount: 12 }])
  })

  test('is no file', async () => {
    const server = signingUp()
    const { form } = await fillIn(server)
    const { onChange } = form().field('name')
    expect(() => onChange({ target: { type: 'file', value: 'C:\\fakepath\\cv.pdf' } })).toThrow(
      '"name" is a file: no state holds files',
    )
    expect(sent(server)).toEqual([])
  })

  test('stays with the complaint when the server cannot read it, which is about what was typed', async () => {
    const server = signingUp()
    const { input, doing } = await fillIn(server)
    server.refuse('BAD_PAYLOAD', 'argument `values`: expected u8', { values: 'expected u8' })
    await doing(() => fireEvent.change(input('age'), { target: { value: '300' } }))
    await doing(() => fireEvent.blur(input('age')))
    expect(input('age').value).toBe('300')
    expect(input('age').getAttribute('aria-invalid')).toBe('true')
    expect(screen.getByText('expected u8')).toBeTruthy()
    await doing(() => fireEvent.change(input('age'), { target: { value: '30' } }))
    expect(screen.queryByText('expected u8')).toBeNull()
    expect(sent(server).at(-1)?.age).toBe(30)
  })
})

describe('what is wrong', () => {
  test('shows of inputs that were left, and the input points to it', async () => {
    const server = signingUp()
    const { user, input, by } = await fillIn(server)
    await by(() => user.type(input('email'), 'ada'))
    expect(screen.queryByRole('alert')).toBeNull()
    expect(input('email').getAttribute('aria-invalid')).toBeNull()
    expect(input('email').getAttribute('aria-describedby')).toBe('hint')
    await by(() => user.tab())
    const alert = screen.getByRole('alert')
    expect(alert.textContent).toBe('an address has an @ in it')
    expect(input('email').getAttribute('aria-invalid')).toBe('true')
    expect(input('email').getAttribute('aria-describedby')).toBe(`${alert.id} hint`)
    // It goes as soon as the server is content.
    await by(() => user.type(input('email'), '@x.y'))
    expect(screen.queryByRole('alert')).toBeNull()
  })

  test('is not what was wrong before something was typed', async () => {
    const server = signingUp()
    const { input, settled } = await fillIn(server)
    fireEvent.change(input('email'), { target: { value: 'ada@x.y' } })
    // The server thinks of it as empty still, and of an empty one it has something to say.
    fireEvent.blur(input('email'))
    expect(screen.queryByRole('alert')).toBeNull()
    await settled()
    expect(screen.queryByRole('alert')).toBeNull()
    fireEvent.blur(input('age'))
    expect(screen.getByRole('alert').textContent).toBe('tell us how old you are')
  })

  test('shows of everything after a try, with the first of it in focus and a summary', async () => {
    const server = signingUp()
    const { user, input, by } = await fillIn(server, { options: { debounceMs: 10_000 } })
    await by(() => user.type(input('name'), 'Ada{enter}'))
    expect(document.activeElement).toBe(input('email'))
    const [summary] = screen.getAllByRole('alert')
    expect(summary?.textContent).toContain('Please look at these:')
    expect(screen.getAllByRole('link').map((link) => link.textContent)).toEqual([
      'an address has an @ in it',
      'tell us how old you are',
      'too short',
    ])
    await by(() => user.click(screen.getByRole('link', { name: 'too short' })))
    expect(document.activeElement).toBe(input('password'))
    // What was typed came along with the submission, not before and not after.
    expect(sent(server)).toEqual([])
    expect(sent(server, 'submit').map(({ name }) => name)).toEqual(['Ada'])
    expect(input('name').value).toBe('Ada')
    await by(() => user.type(input('password'), 'xyz'))
    expect(screen.queryByText('too short')).toBeNull()
  })

  test('that is about no field shows as a failure, and hides nothing', async () => {
    const server = signingUp()
    const { user, input, form, doing, by } = await fillIn(server)
    await by(() => user.type(input('email'), 'ada@x.y'))
    server.refuse('CONFLICT', 'we are full')
    await doing(() => form().submit())
    expect(form().failure?.code).toBe('CONFLICT')
    expect(screen.getAllByRole('alert')[0]?.textContent).toContain('we are full')
    expect(input('email').value).toBe('ada@x.y')
    await by(() => user.type(input('email'), 'x'))
    expect(form().failure).toBeUndefined()
  })
})

describe('handing it in', () => {
  async function complete(withAction = false) {
    const server = signingUp()
    const screenful = await fillIn(server, { withAction })
    const { user, input, by } = screenful
    await by(() => user.type(input('email'), 'ada@x.y'))
    await by(() => user.type(input('age'), '36'))
    await by(() => user.click(input('newsletter')))
    await by(() => user.selectOptions(input('plan'), 'team'))
    return { server, ...screenful }
  }

  test('answers what the action answers, with what is never in the state', async () => {
    const { server, user, input, form, doing, by } = await complete()
    expect(form().dirty).toBe(true)
    await by(() => user.type(input('password'), 'secret'))
    let outcome: unknown
    await doing(async () => {
      outcome = await form().submit()
    })
    expect(outcome).toEqual({ ok: true, result: 'welcome ada@x.y' })
    expect(server.calls.at(-1)?.args).toMatchObject({
      password: 'secret',
      values: { email: 'ada@x.y' },
    })
    expect(JSON.stringify(server.sent)).not.toContain('secret')
    expect(input('password').value).toBe('')
    expect(form().dirty).toBe(false)
    expect(form().touched.size).toBe(0)
  })

  test('is done once, however often it is asked for meanwhile', async () => {
    const { server, form, doing } = await complete()
    await doing(() =>
      Promise.all([form().submit({ password: 'secret' }), form().submit({ password: 'secret' })]),
    )
    expect(sent(server, 'submit')).toHaveLength(1)
  })

  test('by a form action keeps everything when it is refused', async () => {
    const { user, input, settled, by } = await complete(true)
    await by(() => user.type(input('password'), 'x'))
    await by(() => user.click(screen.getByRole('button')))
    await settled()
    expect(screen.getAllByText('too short').length).toBeGreaterThan(0)
    expect(document.activeElement).toBe(input('password'))
    expect(input('password').value).toBe('x')
    expect(input('email').value).toBe('ada@x.y')
    expect(input('age').value).toBe('36')
    expect(input('newsletter').checked).toBe(true)
    expect([input('plan').value, input('team plan').checked]).toEqual(['team', true])
  })

  test('by a form action shows the state when it is taken', async () => {
    const { server, user, input, settled, by } = await complete(true)
    await by(() => user.type(input('password'), 'secret'))
    await by(() => user.click(screen.getByRole('button')))
    await settled()
    expect(server.calls.at(-1)?.action).toBe('submit')
    expect(input('password').value).toBe('')
    expect(input('email').value).toBe('ada@x.y')
    expect(input('newsletter').checked).toBe(true)
    expect([input('plan').value, input('team plan').checked]).toEqual(['team', true])
  })

  test('by useActionState and useFormStatus says what came of it', async () => {
    function Send() {
      const { pending } = useFormStatus()
      return <button type="submit">{pending ? 'sending' : 'send'}</button>
    }
    function Page() {
      const form = useSignupForm()
      const [outcome, action] = useActionState(form.action, undefined)
      if (!form.values) return null
      return (
        <form action={action}>
          <input {...form.field('email')} />
          <output>{outcome === undefined ? '' : outcome.ok ? outcome.result : outcome.error.message}</output>
          <Send />
        </form>
      )
    }
    const server = signingUp()
    await show(server, <Page />)
    fireEvent.change(screen.getByRole('textbox'), { target: { value: 'ada@' } })
    await act(async () => {
      fireEvent.click(screen.getByRole('button'))
    })
    await act(() => server.settled())
    expect(screen.getByRole('status').textContent).toBe('some fields need attention')
    expect(screen.getByRole<HTMLInputElement>('textbox').value).toBe('ada@')
    expect(screen.getByRole('button').textContent).toBe('send')
  })

  test('begins anew with what was there at the beginning', async () => {
    const { server, input, form, doing } = await complete()
    await doing(() => form().reset())
    expect([input('email').value, input('age').value, input('newsletter').checked]).toEqual(['', '', false])
    expect(form().dirty).toBe(false)
    expect(sent(server).at(-1)).toEqual(EMPTY)
  })
})

describe('a half-filled form', () => {
  async function half(props: Parameters<typeof fillIn>[1] = {}) {
    const server = signingUp()
    const screenful = await fillIn(server, props)
    const { user, input, by } = screenful
    await by(() => user.type(input('email'), 'ada@'))
    await by(() => user.type(input('amount'), '2'))
    return { server, ...screenful }
  }

  test('survives a lost connection, with what is typed meanwhile', async () => {
    const { server, user, input, doing } = await half()
    act(() => server.disconnect())
    await user.type(input('email'), 'x.y')
    expect(input('email').value).toBe('ada@x.y')
    await doing(() => server.reconnect())
    expect(input('email').value).toBe('ada@x.y')
    expect(sent(server).at(-1)).toMatchObject({ email: 'ada@x.y', lines: [{ amount: 12 }] })
    expect(screen.getByRole('status').textContent).toBe('dirty settled')
  })

  test('survives an answer that was lost, and is changed once', async () => {
    const { server, input, doing } = await half()
    const before = sent(server).length
    server.lose()
    await doing(() => fireEvent.change(input('name'), { target: { value: 'Ada' } }))
    act(() => server.disconnect())
    await doing(() => server.reconnect())
    expect(input('name').value).toBe('Ada')
    expect(sent(server)).toHaveLength(before + 1)
  })

  test('survives a server that starts again and has kept it', async () => {
    const { server, user, input, doing } = await half()
    act(() => server.disconnect())
    await user.type(input('email'), 'x')
    await doing(() => server.restart({ keep: true }))
    expect(input('email').value).toBe('ada@x')
    expect(sent(server).at(-1)).toMatchObject({ email: 'ada@x', lines: [{ amount: 12 }] })
  })

  test('is offered again to a server that has lost everything, and to nobody else', async () => {
    const { server, user, input, doing, form, settled } = await half()
    act(() => server.disconnect())
    await user.type(input('name'), 'Ada')
    await doing(() => server.restart())
    await settled()
    expect([input('email').value, input('name').value, input('amount').value]).toEqual(['ada@', 'Ada', '12'])
    expect(sent(server).at(-1)).toMatchObject({ email: 'ada@', name: 'Ada', lines: [{ amount: 12 }] })
    expect(form().signup.state?.form.values.email).toBe('ada@')
    await doing(() => server.client.signOut())
    await settled()
    expect([input('email').value, input('name').value]).toEqual(['', ''])
    expect(screen.getByRole('status').textContent).toBe('clean settled')
  })

  test('is nothing that the next user hears of, nor what became of it', async () => {
    const { server, form, doing, settled } = await half()
    server.lose()
    const outcomes: unknown[] = []
    await act(async () => {
      form().set('name', 'Ada L.')
      void form()
        .submit()
        .then(({ ok }) => outcomes.push(ok))
    })
    await doing(() => server.client.signOut())
    await settled()
    expect(outcomes).toEqual([false])
    const { values, failure, tried, submitting, pending, dirty } = form()
    expect([values, failure]).toEqual([EMPTY, undefined])
    expect({ tried, submitting, pending, dirty }).toEqual({
      tried: false,
      submitting: false,
      pending: false,
      dirty: false,
    })
  })

  test('is not offered to the next user, who came while nobody looked', async () => {
    const server = signingUp()
    const page = (mode: 'visible' | 'hidden', shown: Shown) => (
      <>
        <Watcher />
        <Activity mode={mode}>
          <SignupPage shown={shown} options={{ syncOn: 'manual' }} />
        </Activity>
      </>
    )
    function Watcher(): null {
      useLive(Signup, { componentId: 'me' })
      return null
    }
    const shown: Shown = {}
    const { show: again } = await show(server, page('visible', shown))
    act(() => shown.form?.set('email', 'ada@'))
    again(page('hidden', shown))
    await act(async () => {
      server.client.signOut()
      await server.settled()
    })
    await act(() => server.settled())
    again(page('visible', shown))
    await act(() => server.settled())
    expect([shown.form?.values, shown.form?.dirty, sent(server)]).toEqual([EMPTY, false, []])
  })

  test('is offered again with the rows the server had added', async () => {
    const { server, form, doing, settled } = await half()
    await doing(() => form().signup.call.add())
    await doing(() => form().set('lines.1.amount', 7))
    await doing(() => server.restart())
    await settled()
    expect(sent(server).at(-1)?.lines).toEqual([
      { what: 'tea', amount: 12 },
      { what: 'cake', amount: 7 },
    ])
  })

  test('says so when it was being handed in to a server that has lost everything', async () => {
    const { server, form, input, doing, settled } = await half()
    server.lose(9)
    let outcome: unknown
    await doing(() => {
      void form()
        .submit()
        .then((came) => {
          outcome = came
        })
    })
    await doing(() => server.restart())
    await settled()
    expect(outcome).toMatchObject({ ok: false, error: { code: 'DISCONNECTED' } })
    expect(form().failure).toBeInstanceOf(LiveError)
    expect(input('email').value).toBe('ada@')
    expect(form().submitting).toBe(false)
  })

  test('asks before the page is left, if the author wants that', async () => {
    const leaving = (): boolean => window.dispatchEvent(new Event('beforeunload', { cancelable: true }))
    const { form, doing } = await half({ options: { guard: true } })
    expect(leaving()).toBe(false)
    await doing(() => form().reset())
    expect(leaving()).toBe(true)
  })
})

test('a form renders again for what concerns it, and for nothing else', async () => {
  const server = signingUp()
  let renders = 0
  function Counted() {
    renders += 1
    return <SignupPage />
  }
  const { doing } = await fillIn(server)
  await show(server, <Counted />)
  const before = renders
  await doing(() => server.push(Signup, { form: { values: EMPTY, errors: {}, tried: false } }))
  expect(renders).toBe(before)
})

test('a form works in strict mode, and renders on a server', async () => {
  const server = signingUp()
  expect(
    renderToString(
      <LiveProvider value={server.client}>
        <SignupPage />
      </LiveProvider>,
    ),
  ).toContain('…')
  await show(
    server,
    <StrictMode>
      <SignupPage />
    </StrictMode>,
  )
  fireEvent.change(screen.getByLabelText('email'), { target: { value: 'ada@' } })
  await act(() => server.settled())
  expect(sent(server).map(({ email }) => email)).toEqual(['ada@'])
})
