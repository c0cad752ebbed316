/** A basket on the server, and a store of the page: each hears what the other has. */

import { type FormEvent, useId, useState } from 'react'
import { type Item, Till } from './live.gen'
import { cameBack } from './outcome'
import { Controls, Failure, Section, Skeleton } from './section'
import { price, useLiveShop, useShop } from './till-store'
import { announce, told } from './toasts'

const GOODS = ['apple', 'bread', 'cheese', 'olives']

export function TillPanel() {
  const [complaint, complain] = useState<string>()
  const till = useLiveShop(Till, {
    componentId: 'till',
    onResume: cameBack,
    globalState: {
      selector: (shop) => shop.coupon,
      bind: { coupon: (shop) => shop.coupon },
      updater: ({ coupon, total }) => ({ coupon, total }),
      onConflict: ({ global, error }) =>
        error && complain(`${global}: ${error.fields.coupon ?? error.message}`),
    },
  })

  function apply(coupon: string): void {
    complain(undefined)
    till.updateGlobal({ coupon }, 'shop/coupon')
  }

  async function pay(): Promise<void> {
    announce(`Paid ${price(await till.call.pay())}.`)
  }

  const stale = till.status === 'stale'
  return (
    <Section
      title="Till"
      source="till.rs"
      outcome={till.outcome}
      about="The basket is on the server, the coupon in a store of the page. Either hears what the other has."
    >
      {till.status === 'mounting' && <Skeleton lines={8} />}
      {till.status === 'failed' && <Failure error={till.error} retry={till.reset} />}
      {(till.status === 'live' || stale) && (
        <div className="till" data-testid="till">
          <Controls stale={stale}>
            <div className="till-goods">
              {GOODS.map((name) => (
                <button
                  key={name}
                  type="button"
                  className="small"
                  aria-label={`Add ${name}`}
                  onClick={() => told(till.call.add({ name }))}
                  data-testid={`till-add-${name}`}
                >
                  + {name}
                </button>
              ))}
            </div>
            <Basket items={till.state.items} onRemove={(name) => told(till.call.remove({ name }))} />
          </Controls>
          {/* The store is there without a connection, and what it says goes to the server afterwards. */}
          <CouponForm coupon={till.globalState} complaint={complaint} onApply={apply} />
          <Controls stale={stale}>
            <div className="till-foot">
              <output aria-label="Total" data-testid="till-total">
                {price(till.state.total)}
              </output>
              <button
                type="button"
                className="primary"
                disabled={till.state.items.length === 0}
                onClick={() => told(pay())}
                data-testid="till-pay"
              >
                Pay
              </button>
            </div>
          </Controls>
          <InStore />
        </div>
      )}
    </Section>
  )
}

function Basket(props: { readonly items: readonly Item[]; readonly onRemove: (name: string) => void }) {
  if (props.items.length === 0) return <p className="empty">Nothing in it yet.</p>
  return (
    <ul className="till-basket" aria-label="Basket">
      {props.items.map(({ name, quantity, price: each }) => (
        <li key={name} data-testid="till-item">
          <span>
            {quantity} × {name}
          </span>
          <span className="muted">{price(quantity * each)}</span>
          <button
            type="button"
            className="quiet icon small"
            aria-label={`Take out one ${name}`}
            onClick={() => props.onRemove(name)}
          >
            −
          </button>
        </li>
      ))}
    </ul>
  )
}

interface CouponFormProps {
  /** The one in the store. */
  readonly coupon: string
  readonly complaint: string | undefined
  readonly onApply: (coupon: string) => void
}

function CouponForm({ coupon, complaint, onApply }: CouponFormProps) {
  const id = useId()
  /** What is being typed; half a coupon is none, so the store hears of it when it is applied. */
  const [typed, type] = useState<string>()

  function submit(event: FormEvent): void {
    event.preventDefault()
    onApply((typed ?? coupon).trim().toUpperCase())
    type(undefined)
  }

  return (
    <form className="till-coupon field" onSubmit={submit}>
      <label htmlFor={id}>Coupon</label>
      <input
        id={id}
        type="text"
        autoComplete="off"
        spellCheck={false}
        value={typed ?? coupon}
        onChange={(event) => type(event.target.value)}
        aria-invalid={complaint !== undefined}
        aria-describedby={`${id}-about`}
        data-testid="till-coupon"
      />
      <button type="submit" data-testid="till-apply">
        Apply
      </button>
      <p
        id={`${id}-about`}
        className={complaint === undefined ? 'hint' : 'complaint'}
        aria-live="polite"
        data-testid="till-complaint"
      >
        {complaint ?? 'TENTH and HALF are good ones.'}
      </p>
    </form>
  )
}

/** Reads the store and nothing else: what is bound is everywhere on the page. */
function InStore() {
  const title = useId()
  const coupon = useShop((shop) => shop.coupon)
  const total = useShop((shop) => shop.total)
  const status = useShop((shop) => shop.liveComponents.components['Till:till']?.status)
  const updates = useShop((shop) => shop.liveComponents.performance.updates)
  const conflicts = useShop((shop) => shop.liveComponents.conflicts.length)
  return (
    <div className="till-store">
      <h3 id={title}>In the store of this page</h3>
      <dl aria-labelledby={title}>
        <dt>coupon</dt>
        <dd data-testid="store-coupon">{coupon || '–'}</dd>
        <dt>total</dt>
        <dd data-testid="store-total">{price(total)}</dd>
        <dt>till</dt>
        <dd data-testid="store-status">{status}</dd>
        <dt>updates</dt>
        <dd>{updates}</dd>
        <dt>conflicts</dt>
        <dd data-testid="store-conflicts">{conflicts}</dd>
      </dl>
    </div>
  )
}
